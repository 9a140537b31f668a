#include "explain.h"

#include <algorithm>

#include "compile.h"
#include "describe.h"
#include "sealcall/policy/reason_text.h"
#include "values.h"

namespace sealcall::policy_language {

using policy::Mismatch;
using rats::Level;
using rats::Reason;

rats::AttestationResult Imagined::result() const {
    rats::AttestationResult out;
    out.level = ordinary ? Level::unverified : level;
    out.lab = lab && !ordinary;
    out.software_tpm = software_tpm;
    const auto proves = [&](size_t bit, Level from, Reason reason) {
        if (out.level >= from && std::ranges::count(lacks, bit) == 0) CHECK(out.reasons.push(reason));
    };
    proves(2, Level::trusted_boot, Reason::secure_boot_on);
    proves(3, Level::trusted_boot, Reason::boot_approved);
    proves(4, Level::trusted_boot, Reason::measurement_approved);
    proves(5, Level::trusted_runtime, Reason::runtime_approved);
    return out;
}

policy::CallContext Imagined::context() const {
    return {.direction = direction,
            .ordinary = ordinary,
            .known_to_attest = ordinary && downgrade,
            .downgrade = downgrade,
            .known_person = known,
            .peer = peer,
            .authority = authority,
            .result_by = verifier,
            .label = label,
            .evidence_age_ms = uint64_t{1000} * age_s,
            .wall_ms = wall_ms};
}

namespace {

std::string why_not(Mismatch m, const policy::Document& d, const policy::DocumentRule& r, const policy::Subject& s,
                    const policy::CallContext& c) {
    switch (m) {
        case Mismatch::none:
            return {};
        case Mismatch::direction:
            return r.toward == policy::Toward::incoming ? "it is about incoming calls only"
                                                        : "it is about outgoing calls only";
        case Mismatch::peer:
            return "it is not about " + std::string(c.peer);
        case Mismatch::label:
            return "it is about " + say_labels(d, r.labels) + " only";
        case Mismatch::time:
            return "it is not the time for it";
        case Mismatch::level:
            return "it asks for level " + say_level(r.least) + ", and this is level " + say_level(s.level());
        case Mismatch::lab:
            return "a laboratory's word does not count for it";
        case Mismatch::age:
            return "it asks for a check within " + say_duration(r.oldest_s);
        case Mismatch::authority:
            return "another authority must have certified the name";
        case Mismatch::verifier:
            return "another verifier must have checked the device";
    }
    return {};
}

}  // namespace

Explanation explain(const policy::Document& document, const rats::AttestationResult& result,
                    const policy::CallContext& context) {
    const policy::Subject subject(result, context, document);
    Explanation out{
        .decision = policy::decide(result, context, document), .level = subject.level(), .rules = {}, .sentence = {}};
    out.sentence = policy::text(out.decision.rule).sentence;
    using policy::Rule;
    const bool by_rules = out.decision.rule == Rule::document_rule || out.decision.rule == Rule::document_bound ||
                          out.decision.rule == Rule::default_deny || out.decision.rule == Rule::downgrade_takes_pin;
    if (!by_rules) return out;
    for (size_t i = 0; i < document.rules.size(); ++i) {
        const Mismatch m = subject.match(document.rules.items()[i]);
        out.rules.push_back(
            {.index = i, .mismatch = m, .why = why_not(m, document, document.rules.items()[i], subject, context)});
        if (m == Mismatch::none) break;
    }
    return out;
}

Explanation explain(const policy::Document& document, const Imagined& call) {
    return explain(document, call.result(), call.context());
}

}  // namespace sealcall::policy_language
