#include "attestation/foreign/attest_check.h"

#include "sealcall/base/hex.h"

namespace sealcall::attestation::foreign {

namespace {

constexpr size_t kGoodNonce = 16;  ///< bytes: shorter ones repeat or can be guessed

const char* form_name(KeyForm form) {
    switch (form) {
        case KeyForm::tpm:
            return "tpm_public";
        case KeyForm::certificate:
            return "certificate";
        case KeyForm::spki:
            break;
    }
    return "public_key";
}

void check_attributes(const AttestationKey& key, Findings& out) {
    if (!key.object) {
        out.add(
            "ak_attributes", Verdict::warning,
            "This form of the key does not say that it is restricted to what the TPM itself made: a signature of an "
            "unrestricted key proves nothing. Have its TPM2B_PUBLIC, or a certificate that vouches for it.");
        return;
    }
    const ObjectAttributes& a = key.object->attributes;
    std::string lacks;
    for (const auto& [name, has] :
         {std::pair("restricted", a.restricted()), std::pair("sign", a.sign()), std::pair("fixedTPM", a.fixed_tpm()),
          std::pair("sensitiveDataOrigin", a.sensitive_data_origin())})
        if (!has) lacks += (lacks.empty() ? "" : ", ") + std::string(name);
    out.check("ak_attributes", lacks.empty() && !a.decrypt(),
              "The key is restricted, signs only, was made by its TPM and cannot leave it.",
              lacks.empty() ? "The key also decrypts: it is no attestation key."
                            : "This is no attestation key: it lacks " + lacks + ".");
}

void report_sha1(const std::string& where, Sha1 sha1, Findings& out) {
    if (sha1 == Sha1::allowed)
        out.add("sha1", Verdict::warning, where + ", which was allowed: a forger can find collisions.");
    else
        out.add("sha1", Verdict::failed, where + ", for which forgers can find collisions (--allow-sha1 takes it).");
}

void check_sha1(const AnySignature& signature, const AttestationKey& key, Sha1 sha1, Findings& out) {
    if (signature.hash == kTpmAlgSha1)
        report_sha1("The signature is over a SHA-1 digest", sha1, out);
    else if (key.object && key.object->name_alg == kTpmAlgSha1)
        report_sha1("The key's Name is a SHA-1 digest", sha1, out);
}

/// Key, structure, signature: what quote and certify have in common. False when there is nothing left to look at.
bool check_signed(const AttestQuestion& q, uint16_t type, AttestAnswer& out) {
    // SHA-1 is read here whatever was said, so that check_sha1 can say what is wrong.
    auto key = read_attestation_key(q.ak, Sha1::allowed);
    if (!key) {
        out.findings.add("ak", Verdict::failed, "The attestation key cannot be used: " + sentence(key.error()));
        return false;
    }
    out.ak_kind = key->kind;
    out.ak_form = form_name(key->form);
    if (key->object) out.ak_name = key->object->name;
    check_attributes(*key, out.findings);
    auto attest = read_attest(q.attest);
    if (!attest) {
        out.findings.add("attest", Verdict::failed, "The attestation cannot be read: " + sentence(attest.error()));
        return false;
    }
    out.attest = attest->attest;
    auto signature = read_signature(q.signature, *key, Sha1::allowed);
    if (signature) signature = complete_signature(std::move(*signature), *key, q.scheme, q.hash);
    if (!signature) {
        out.findings.add("signature_format", Verdict::failed,
                         "The signature cannot be used: " + sentence(signature.error()));
        return false;
    }
    out.scheme = signature->scheme;
    out.hash = signature->hash;
    check_sha1(*signature, *key, q.sha1, out.findings);
    const bool good = verify_any_signature(*key, attest->message, *signature).has_value();
    out.findings.check("signature", good, "The signature is by this key.",
                       "The signature is not by this key over this attestation.");
    return out.findings.check("type", attest->attest.type == type,
                              "It is an attestation of the kind that was asked for.",
                              "It is an attestation of another kind.");
}

void check_nonce(const Attest& attest, const std::optional<Bytes>& nonce, Findings& out) {
    if (!nonce) {
        out.add("nonce", Verdict::warning,
                "Freshness was not checked: give the nonce that was asked for, if there was one (--nonce).");
        return;
    }
    if (attest.extra_data.empty() || nonce->empty()) {
        out.add("nonce", Verdict::failed, "It carries no nonce: it may be of any age, whoever signed it.");
        return;
    }
    if (out.check("nonce", attest.extra_data == *nonce, "It carries the nonce that was asked for.",
                  "It carries another nonce than the one asked for: it answers another question, or an older one.") &&
        nonce->size() < kGoodNonce)
        out.add("nonce_length", Verdict::warning,
                "The nonce is shorter than 16 bytes: an answer to it could have been prepared before.");
}

void check_clock(const Attest& attest, Findings& out) {
    if (attest.safe)
        out.add("clock_safe", Verdict::ok, "The TPM's clock has not gone back.");
    else
        out.add("clock_safe", Verdict::warning,
                "The TPM says that its clock may have gone back (clockInfo.safe is 0): do not order events by it.");
}

/// Selections that select something, for comparison.
std::vector<PcrSelection> nonempty(const std::vector<PcrSelection>& in) {
    std::vector<PcrSelection> out;
    for (const auto& s : in)
        if (s.pcrs != 0) out.push_back(s);
    return out;
}

void check_bank(const std::vector<PcrSelection>& selection, Sha1 sha1, Findings& out) {
    const bool old = std::ranges::any_of(selection, [](const PcrSelection& s) { return s.hash == kTpmAlgSha1; });
    if (!old) return;
    if (sha1 == Sha1::allowed)
        out.add("pcr_bank", Verdict::warning, "PCRs of the SHA-1 bank are quoted, which was allowed.");
    else
        out.add("pcr_bank", Verdict::failed,
                "PCRs of the SHA-1 bank are quoted: a forger can find other software with the same values.");
}

void check_pcrs(const AttestQuestion& q, AttestAnswer& out) {
    const Attest& attest = *out.attest;
    Findings& f = out.findings;
    const auto selection = nonempty(attest.selection);
    if (!f.check("pcr_selection", !selection.empty(), "PCRs are quoted.", "No PCR is quoted.")) return;
    check_bank(selection, q.sha1, f);
    // The TPM hashes the values by the hash of the signature's scheme (Part 3, 18.4).
    if (!f.check("pcr_digest_length", attest.pcr_digest.size() == any_digest_size(out.hash),
                 "The PCR digest is as long as the signature's hash makes it.",
                 "The PCR digest is not as long as the signature's hash makes it."))
        return;
    if (!q.pcrs) {
        f.add("pcr_values", Verdict::note,
              "The PCR values themselves were not given; a quote holds only their digest.");
        return;
    }
    auto file = read_pcr_file(*q.pcrs, selection);
    if (!file) {
        f.add("pcr_values", Verdict::failed, "The PCR values cannot be read: " + sentence(file.error()));
        return;
    }
    if (!file->selection.empty() && nonempty(file->selection) != selection) {
        f.add("pcr_values", Verdict::failed, "The PCR values are of another selection than the quote.");
        return;
    }
    auto digest = pcr_digest(file->banks, selection, out.hash);
    if (!digest) {
        f.add("pcr_values", Verdict::failed,
              "There is no value for PCR " + std::to_string(digest.error().detail) + ", which is quoted.");
        return;
    }
    f.add("pcr_values", Verdict::ok, "There is a value for every PCR that is quoted.");
    f.check("pcr_digest", *digest == attest.pcr_digest, "The values are the ones that were quoted.",
            "The values are not the ones that were quoted: the file was changed, or it is of another moment.");
    for (const auto& s : selection)
        for (const auto& [pcr, value] : file->banks.at(s.hash))
            if ((s.pcrs >> pcr & 1) != 0) out.pcrs[s.hash][pcr] = value;
}

std::string attribute_sentence(const ObjectAttributes& a) {
    std::string out = a.fixed_tpm() && a.fixed_parent() ? "The object cannot leave its TPM"
                                                        : "The object can be moved to another TPM or to software";
    out += a.sensitive_data_origin() ? ", which made it" : ", and its secret came from outside";
    return out + (a.restricted() ? "; it is restricted." : ".");
}

}  // namespace

std::string sentence(const Error& error) {
    std::string out = error.what;
    if (error.detail != 0) out += " (" + std::to_string(error.detail) + ")";
    switch (error.code) {
        case Errc::truncated:
            return "it ends too early: " + out + ".";
        case Errc::trailing_bytes:
            return "something stands behind its end: " + out + ".";
        case Errc::too_large:
            return "a size in it is too large: " + out + ".";
        case Errc::not_canonical:
            return "it is not in the one form that counts: " + out + ".";
        default:
            return out + ".";
    }
}

AttestAnswer check_foreign_quote(const AttestQuestion& question) {
    AttestAnswer out;
    if (!check_signed(question, kTpmStAttestQuote, out)) return out;
    check_nonce(*out.attest, question.nonce.value_or(Bytes{}), out.findings);
    check_pcrs(question, out);
    check_clock(*out.attest, out.findings);
    return out;
}

AttestAnswer check_foreign_certify(const AttestQuestion& question) {
    AttestAnswer out;
    if (!check_signed(question, kTpmStAttestCertify, out)) return out;
    check_nonce(*out.attest, question.nonce, out.findings);
    auto object = read_public_object(question.object, Sha1::allowed);
    if (!object) {
        out.findings.add("public", Verdict::failed, "The public area cannot be read: " + sentence(object.error()));
        return out;
    }
    out.findings.check("name", object->name == out.attest->name,
                       "The key that was certified is this one: its Name is the hash of this public area.",
                       "Another key was certified: the Name is not the hash of this public area.");
    if (object->name_alg == kTpmAlgSha1)
        report_sha1("The Name of this key is a SHA-1 digest", question.sha1, out.findings);
    const bool stays = object->attributes.fixed_tpm() && object->attributes.sensitive_data_origin();
    out.findings.add("object_attributes", stays ? Verdict::note : Verdict::warning,
                     attribute_sentence(object->attributes));
    out.object = std::move(*object);
    check_clock(*out.attest, out.findings);
    return out;
}

}  // namespace sealcall::attestation::foreign
