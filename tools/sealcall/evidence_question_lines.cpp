// The command line of the `evidence` commands that ask one question: quote, certify, ek, ear, corim.
#include "command_line.h"
#include "problem.h"

namespace sealcall::cli {

namespace {

const std::vector<std::pair<int, std::string>> kQuestionExits = {
    {0, "it holds"},
    {exit_status::kFailed, "a file is not there, cannot be read, or is too large"},
    {exit_status::kDoesNotHold, "it does not hold; the findings say why"}};

std::string check_nonce(const std::string& digits) {
    const std::string bare = digits.starts_with("0x") ? digits.substr(2) : digits;
    const bool hex = bare.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    return hex && bare.size() % 2 == 0 && bare.size() <= 128 ? "" : "a nonce is hexadecimal, at most 64 bytes";
}

void add_attest_options(CLI::App& app, AttestOptions& o) {
    app.add_option("--ak", o.ak, "The key: TPM2B_PUBLIC, TPMT_PUBLIC, or PEM or DER of a public key or certificate")
        ->type_name(kTypeFile)
        ->required();
    app.add_option("--attest", o.attest, "What was signed: TPMS_ATTEST or TPM2B_ATTEST")
        ->type_name(kTypeFile)
        ->required();
    app.add_option("--signature", o.signature, "The signature: TPMT_SIGNATURE, or plain DER ECDSA or RSA bytes")
        ->type_name(kTypeFile)
        ->required();
    app.add_flag("--allow-sha1", o.allow_sha1, "Take SHA-1 too, and warn of it");
    app.add_option("--scheme", o.scheme, "Scheme of a plain signature, where the key does not say")
        ->check(CLI::IsMember(std::vector<std::string>{"rsassa", "rsapss", "ecdsa"}).description(""))
        ->type_name("rsassa|rsapss|ecdsa");
    app.add_option("--hash", o.hash, "Hash of a plain signature; another one must be of it too")
        ->check(CLI::IsMember(std::vector<std::string>{"sha1", "sha256", "sha384", "sha512"}).description(""))
        ->type_name("sha1|sha256|sha384|sha512");
}

}  // namespace

void CommandLine::define_evidence_attest(CLI::App& evidence) {
    CLI::App* quote = add(
        evidence, "quote", "Did this TPM key quote these PCRs for this nonce?",
        {.text = "Checks the signature, that the key is restricted to what its TPM made (only TPM2B_PUBLIC and "
                 "TPMT_PUBLIC say so), the nonce, and with --pcrs that the values are the quoted ones. The hash of the "
                 "PCR digest is that of the signature. A quote without a nonce never holds: it may be of any age.",
         .examples = {{"sealcall evidence quote --ak ak.pub --attest quote.msg --signature quote.sig --nonce "
                       "0102030405060708090a0b0c0d0e0f10 --pcrs quote.pcrs",
                       "what `tpm2_quote -m quote.msg -s quote.sig -o quote.pcrs` wrote"}},
         .exits = kQuestionExits});
    add_attest_options(*quote, options_.quote);
    quote->add_option("--nonce", options_.quote.nonce, "What was asked for (qualifying data)")
        ->type_name("HEX")
        ->required()
        ->check(check_nonce);
    quote
        ->add_option("--pcrs", options_.quote.pcrs,
                     "PCR values: tpm2_quote -o (both formats), the table of tpm2_pcrread, or JSON")
        ->type_name(kTypeFile);

    CLI::App* certify = add(
        evidence, "certify", "Did this TPM key certify that other key?",
        {.text = "Checks the signature of a TPM2_Certify, and that the Name in it is the hash of the public area in "
                 "--public. Freshness is checked with --nonce only: a certification of a key does not age as a quote "
                 "does.",
         .examples = {{"sealcall evidence certify --ak ak.pem --attest certify.msg --signature certify.sig --public "
                       "key.pub",
                       "what `tpm2_certify` wrote"}},
         .exits = kQuestionExits});
    add_attest_options(*certify, options_.certify);
    certify->add_option("--public", options_.certify.object, "The certified key: TPM2B_PUBLIC or TPMT_PUBLIC")
        ->type_name(kTypeFile)
        ->required();
    certify->add_option("--nonce", options_.certify.nonce, "What was asked for (qualifying data)")
        ->type_name("HEX")
        ->check(check_nonce);
}

void CommandLine::define_evidence_results(CLI::App& evidence) {
    CLI::App* ek = add(
        evidence, "ek", "Does one of these roots vouch for this endorsement key?",
        {.text =
             "Reads the certificate of a TPM's endorsement key as chips carry it: DER, BER or PEM, with padding. "
             "What is in --roots is trusted as it is, self-signed or not; what is in --intermediates only helps. "
             "Without --roots nothing is vouched for and the answer is no. All certificates must be valid at the "
             "time of --at, unless expired issuers are accepted: then an issuer must have been valid when it issued "
             "the certificate.",
         .examples = {{"sealcall evidence ek ek.crt --roots vendor-roots --intermediates vendor-intermediates",
                       "is this a TPM of that vendor?"}},
         .exits = kQuestionExits});
    ek->add_option("certificate", options_.ek.certificate, "The certificate")->type_name(kTypeFile)->required();
    ek->add_option("--roots", options_.ek.roots, "Certificates to trust: a directory of them, or a file")
        ->type_name(kTypeDir);
    ek->add_option("--intermediates", options_.ek.intermediates, "More certificates, not trusted")->type_name(kTypeDir);
    ek->add_option("--at", options_.ek.at, "At this time, not now (2026-11-21, or with T10:00:00Z)")->type_name("TIME");
    ek->add_flag("--accept-expired-intermediates", options_.ek.accept_expired_intermediates,
                 "Take issuers that expired after they issued it, and warn of it");

    CLI::App* ear = add(
        evidence, "ear", "Does the verifier with this key vouch for somebody in this token?",
        {.text = "Reads an EAR (EAT Attestation Result) as a JWT signed with ES256 or ES384, of the profile " +
                 std::string("tag:ietf.org,2026:rats/ear#03 or tag:github.com,2023:veraison/ear. Only the key of --key "
                             "counts, never one in the token. It holds when the token is genuine, in its time, and "
                             "says \"affirming\" of every part."),
         .examples = {{"sealcall evidence ear result.jwt --key verifier.jwk", "what does this verifier say?"}},
         .exits = kQuestionExits});
    ear->add_option("token", options_.ear.token, "The token")->type_name(kTypeFile)->required();
    ear->add_option("--key", options_.ear.key, "The verifier's public key: JWK, PEM or DER")
        ->type_name(kTypeFile)
        ->required();
    ear->add_option("--nonce", options_.ear.nonce, "What was asked for (eat_nonce)")
        ->type_name("HEX")
        ->check(check_nonce);
    ear->add_option("--at", options_.ear.at, "At this time, not now (2026-11-21, or with T10:00:00Z)")
        ->type_name("TIME");
    ear->add_option("--accept", options_.ear.accept, "The least that the verifier must say (default: affirming)")
        ->check(CLI::IsMember(std::vector<std::string>{"affirming", "warning", "any"}).description(""))
        ->type_name("affirming|warning|any");
    ear->add_flag("--passport", options_.ear.passport,
                  "It must have the form of a passport: 32 bytes of nonce, a key, at most 10 minutes");

    CLI::App* corim = add(
        evidence, "corim", "Is this CoRIM whole, and which reference values does it hold?",
        {.text =
             "Reads a CoRIM (CBOR), bare or signed (COSE_Sign1 with ES256 or ES384), lists its reference values, and "
             "applies the rules of the profiles that it knows. A file that is not signed, or whose signer was not "
             "named with --key, is anybody's word: that is a warning. With --key only a good signature holds.",
         .examples = {{"sealcall evidence corim reference.cbor --key signer.pem", "what does this maker publish?"}},
         .exits = kQuestionExits});
    corim->add_option("file", options_.corim.file, "The CoRIM")->type_name(kTypeFile)->required();
    corim->add_option("--key", options_.corim.key, "The signer's public key: JWK, PEM or DER")->type_name(kTypeFile);
    corim->add_option("--at", options_.corim.at, "At this time, not now (2026-11-21, or with T10:00:00Z)")
        ->type_name("TIME");
}

}  // namespace sealcall::cli
