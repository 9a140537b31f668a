"""The scene of two organisations: phones of one get the other's word (a passport) instead of Evidence; a forged or an old word does not count."""
import pathlib
import shutil
import time

from calls import wait_for_port
from phones import BIN, Phone, badge, expect, free_port

LIFE = 300  # seconds that a passport counts
LATE = LIFE + 3


class Organisations:
    """Example Corp (alice) and Partner Corp (bea): each pins the other's verifier by its card."""

    def __init__(self, lab):
        self.lab, self.one, self.two = lab, lab.path("authority"), lab.path("partner")
        self.port, self.service = free_port(), None
        lab.sealcall("authority", "init", self.two, "--name", "Partner Corp", "--domain", "partner.example", "--lab-ek-root",
                     lab.path("ek", "lab-ek-root.pem"))
        for directory, other in ((self.one, self.two), (self.two, self.one)):
            card = lab.path(f"{other.name}.card")
            lab.sealcall("authority", "card", other, "--out", card)
            lab.sealcall("authority", "partner", "add", directory, card, "--at-most", "3", "--lab")
        roots = "".join((directory / "root.cert.pem").read_text() for directory in (self.one, self.two))
        lab.path("roots.pem").write_text(roots)  # for SIP's own TLS, between two organisations without a proxy
        store = lab.path("references")
        lab.sealcall("authority", "bundle", self.one, *(("--store", store) if store.exists() else ()))
        lab.sealcall("authority", "bundle", self.two)
        lab.sealcall("enroll", "--authority", self.one, profile="alice")
        lab.sealcall("init", "--tpm", "swtpm", "--uri", "sip:bea@partner.example", "--lab-ek", lab.path("ek"), profile="bea")
        lab.sealcall("enroll", "--authority", self.two, profile="bea")
        self.made = time.monotonic()

    def serve(self, late=0):
        """Example Corp's service, which gives passports to its phones; its clock is `late` seconds behind."""
        self.end_service()
        log = self.lab.path("authority.log")
        # The library itself: the command `faketime` would stand between us and the process that we have to end.
        library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")) if late else None
        clock = ["env", f"LD_PRELOAD={library}", f"FAKETIME=-{late}s", "DONT_FAKE_MONOTONIC=1"] if late else []
        self.service = self.lab.spawn([*clock, BIN / "sealcall", "authority", "serve", self.one, "--listen", f"127.0.0.1:{self.port}"], log)
        wait_for_port(self.port, log)

    def end_service(self):
        if self.service:
            self.service.terminate()
            self.service.wait(15)

    def call(self):
        """alice calls bea; the card that bea saw."""
        lab, port = self.lab, free_port()
        sip = f'tls_ca = "{lab.path("roots.pem")}"\n'
        lab.configure("bea", port, domain="partner.example", sip=sip, policy="answer_automatically = true\n")
        lab.configure("alice", free_port(), sip=sip, logs=f'[passport]\nauthority = "https://127.0.0.1:{self.port}"\nto = ["partner.example"]\n')
        bea = Phone(lab, "bea", "phone", "--headless", "--in", lab.path("bob-says.wav"), "--out", lab.path("bea-heard.wav"))
        bea.ready()
        alice = Phone(lab, "alice", "call", f"sip:bea@127.0.0.1:{port}", "--in", lab.path("alice-says.wav"), "--out",
                      lab.path("alice-heard.wav"), "--hang-up-after", "0.5")
        alice.wait("exit", 40)
        expect(bea.all("card"), f"bea's phone saw nothing; alice's said {alice.last('state')}")
        bea.stop()
        return bea.all("card")[0], bool(bea.all("state", state="ringing"))


def reason(card, code):
    found = [r["sentence"] for r in card["reasons"] if r["code"] == code]
    expect(found, f"bea saw {badge(card)} for {[r['code'] for r in card['reasons']]}, without {code}")
    return found[0]


def scene_passports(lab):
    corps = Organisations(lab)
    corps.serve()
    good, rang = corps.call()
    expect(good["level"] == "2" and good["lab"] and rang, f"bea saw {badge(good)}")
    told = [f"alice shows her Evidence to her own authority only, and Partner Corp's bea its word. bea saw {badge(good)}: "
            f"{reason(good, 'vouched_by_partner')} (by {good['result_by']})"]
    key = corps.one / "passport.key.pem"
    shutil.move(key, lab.path("genuine.key.pem"))  # whoever runs such a service without the key makes one of their own
    corps.serve()
    forged, rang = corps.call()
    expect(forged["level"] == "X" and not rang, f"of a forged passport bea saw {badge(forged)}")
    told.append(f"forged (signed by another key): {badge(forged)}: {reason(forged, 'partner_result_invalid')} It never rang")
    corps.end_service()
    shutil.move(lab.path("genuine.key.pem"), key)
    # Certificates count from five minutes before they were signed: with a clock that late the service still knows alice.
    time.sleep(max(0.0, corps.made + LATE - LIFE + 2 - time.monotonic()))
    corps.serve(late=LATE)
    expired, rang = corps.call()
    expect(expired["level"] == "0" and not rang, f"of a passport that was over bea saw {badge(expired)}")
    told.append(f"expired (genuine, {LATE} s old): {badge(expired)}: {reason(expired, 'partner_result_expired')} It never rang")
    corps.end_service()
    return {"good": badge(good), "forged": badge(forged), "expired": badge(expired), "by": good["result_by"]}, told


SCENES = [("Passports", scene_passports)]
