"""Figures, goals and the tables that people read."""

import statistics

GOALS_TEXT = {"dial_to_ring": "dial to ring, warm", "accept_to_secure": "accept to secure, first or warm",
              "cpu": "processor time of all processes, over baresip's", "memory": "memory (PSS) of all processes in a call",
              "appraisal": "quotes and chains, over signature checks and hashes",
              "ima": "list of 100 000 programs read whole, over the hashes of its entries", "ima_block": "which beginning of it gives PCR 10, over its bytes hashed in one piece",
              "log_transfer": "requests for logs in a warm call"}
# goal: (operation, its floor, at most so many times)
FLOORS = {"appraisal": ("appraisal/quotes_and_chains", "appraisal/signatures_and_hashes_alone", 1.5),
          "ima": ("logs/ima_100000/binary", "logs/ima_100000/hashes_alone", 2),
          "ima_block": ("logs/ima_100000/find_prefix", "logs/ima_100000/one_block", 2)}
PHASES = (("dial_to_ring", "dial to ring"), ("accept_to_secure", "accept to secure"), ("accept_to_audio", "accept to first sound"))


def figure(values):
    """Median, smallest and largest of what was measured, and how often it was."""
    return {"median": round(statistics.median(values), 4), "min": round(min(values), 4), "max": round(max(values), 4), "n": len(values)}


def setup_figures(calls):
    """[{phase: ms}] -> {phase: figure}."""
    return {key: figure([c[key] for c in calls]) for key, _ in PHASES}


def timeline_figures(timelines):
    """Median time after dialling of each (who, phase), in order."""
    gathered = {}
    for timeline in timelines:
        seen = set()
        for ms, who, phase in timeline:
            if (who, phase) not in seen:
                gathered.setdefault((who, phase), []).append(ms)
                seen.add((who, phase))
    found = [{"who": who, "phase": phase, "ms": round(statistics.median(ms), 2)} for (who, phase), ms in gathered.items()]
    return sorted(found, key=lambda e: e["ms"])


def phone_figures(processes, alone_kib):
    """What bench_process.sample saw of one phone -> figures for each process and in all."""
    windows = max(len(v["pss_kib"]) for v in processes.values())
    total = {key: figure([sum(p[key][i] for p in processes.values() if i < len(p[key])) for i in range(windows)])
             for key in ("cpu_ms_per_s", "pss_kib", "private_kib")}
    return {"alone_kib": alone_kib, "processes": {name: {key: figure(values) for key, values in p.items()} for name, p in sorted(processes.items())},
            "total": total}


def ratio(ours, theirs):
    return round(ours / theirs, 2) if theirs else None


def goals(result):
    """[{goal, measured, target, unit, met}] of the whole result."""
    ours, theirs = result["sealcall"], result["baresip"]
    secure = max(ours["setup"][kind]["accept_to_secure"]["median"] for kind in ("first", "warm"))
    busiest = ratio(sum(p["total"]["cpu_ms_per_s"]["median"] for p in ours["in_call"].values()),
                    sum(p["total"]["cpu_ms_per_s"]["median"] for p in theirs["in_call"].values()))
    biggest = max(p["total"]["pss_kib"]["median"] for p in ours["in_call"].values()) / 1024
    rows = [("dial_to_ring", ours["setup"]["warm"]["dial_to_ring"]["median"], 50, "ms"), ("accept_to_secure", secure, 15, "ms"),
            ("cpu", busiest, 2, "times"), ("memory", biggest, 24, "MiB")]
    operation = {o["name"]: o["median"] for o in result["operations"]}
    rows += [(key, operation[what] / operation[floor], target, "times") for key, (what, floor, target) in FLOORS.items()]
    rows.append(("log_transfer", result["log_transfer"]["requests_warm"], 0, "requests"))
    return [{"goal": key, "text": GOALS_TEXT[key], "measured": round(value, 2), "target": target, "unit": unit, "met": value <= target}
            for key, value, target, unit in rows]


def cell(fig, digits=1):
    return f"{fig['median']:.{digits}f}"


def table(heads, rows):
    """Lines with the first column to the left and the others to the right."""
    widths = [max(len(str(r[i])) for r in [heads, *rows]) for i in range(len(heads))]
    return ["  " + "  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip()
            for r in [heads, *rows]]


def setup_lines(result):
    ours, theirs = result["sealcall"]["setup"], result["baresip"]["setup"]
    rows = []
    for key, text in PHASES:
        o, t = ours["warm"][key], theirs["warm"][key]
        rows.append([text, cell(ours["first"][key]), cell(o), f"{o['min']:.1f} - {o['max']:.1f}", cell(theirs["first"][key]), cell(t),
                     f"{ratio(o['median'], t['median']):.2f}"])
    o, t = ours["redial"]["dial_to_ring"], theirs["redial"]["dial_to_ring"]
    rows.append(["dial to ring, again at once", "", cell(o), f"{o['min']:.1f} - {o['max']:.1f}", "", cell(t),
                 f"{ratio(o['median'], t['median']):.2f}"])
    rows.append(["start to ready", cell(result["sealcall"]["start_ms"]), "", "", cell(result["baresip"]["start_ms"]), "", ""])
    return table(["Call set-up, ms", "first", "warm", "from - to", "baresip first", "warm", "ratio warm"], rows)


def in_call_lines(result):
    ours, theirs = result["sealcall"]["in_call"], result["baresip"]["in_call"]
    lines = []
    for key, title, scale, digits in (("cpu_ms_per_s", "Processor in a call, ms per s", 1, 2), ("pss_kib", "Memory in a call, MiB PSS", 1024, 2)):
        def show(fig, scale=scale, digits=digits):
            return f"{fig['median'] / scale:.{digits}f}" if fig else ""
        names = sorted(set().union(*(p["processes"] for p in ours.values())))
        rows = [[name, *[show(ours[who]["processes"].get(name, {}).get(key)) for who in ours], "", ""] for name in names]
        rows.append(["all", *[show(ours[who]["total"][key]) for who in ours], *[show(theirs[who]["total"][key]) for who in theirs]])
        if key == "pss_kib":
            rows.append(["all, if nothing else shared", *[f"{ours[who]['alone_kib'] / scale:.{digits}f}" for who in ours],
                         *[f"{theirs[who]['alone_kib'] / scale:.{digits}f}" for who in theirs]])
        lines += table([title, *ours, *[f"baresip {who}" for who in theirs]], rows) + [""]
    return lines


def micro_lines(result):
    titles = {"srtp": "One packet, libsrtp2 alone", "enclave": "One packet through the enclave", "tpm": "TPM operation (swtpm)", "logs": "Logs of others",
              "appraisal": "One appraisal, processor time", "policy": "Policy of 1 000 rules, processor time"}
    lines = []
    for group, title in titles.items():
        rows = []
        for b in result["operations"]:
            if b["name"].startswith(group + "/"):
                rows.append([b["name"].split("/", 1)[1].replace("/", " "), f"{b['median']:.3f} {b['unit']}", f"{b['cv']:.0%}"])
        lines += table([title, "median", "spread"], rows) + [""]
    return lines


def attest_lines(result):
    rows = [[r["what"], cell(r["sealcall_ms"]), cell(r["tpm2_tools_ms"]), f"{r['ratio']:.2f}" if r["ratio"] else ""] for r in result["tpm2_tools"]]
    lines = table(["A command, ms of processor", "sealcall", "tpm2-tools", "ratio"], rows) + [""] if rows else []
    t = result["log_transfer"]
    rows = [["requests for logs", t["requests_first"], t["requests_warm"]],
            ["dial to ring, ms", f"{t['dial_to_ring_first_ms']:.1f}", f"{t['dial_to_ring_warm_ms']:.1f}"]]
    return lines + table([f"Logs of {t['bytes_of_logs']} bytes shown", "first call", "warm"], rows)


def text(result):
    m = result["machine"]
    lines = [f"sealcall bench  {result['runs']} runs  {m['processor']}, {m['cores']} cores, Linux {m['kernel']}, {m['build_type']} build,"
             f" load {m['load_before']:.1f} before", ""]
    lines += setup_lines(result) + [""] + in_call_lines(result) + micro_lines(result) + attest_lines(result) + [""]
    rows = [[g["text"], f"{g['measured']:.2f} {g['unit']}", f"<= {g['target']} {g['unit']}", "met" if g["met"] else "MISSED"]
            for g in result["goals"]]
    return "\n".join(lines + table(["Goal", "measured", "target", ""], rows))
