// A phone reduced to its enclave: the real Enclave on a private swtpm, with the test in the place of launcher, host,
// ui, audio and verifier. And two honest hosts to put between two of them, with a hook for dishonest ones.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>

#include "attestation/appraise.h"
#include "attestation/bundle_writer.h"
#include "attestation/cel.h"
#include "attestation/certificates.h"
#include "enclave/enclave.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::test {

/// An enterprise's authority in memory.
class TestAuthority {
  public:
    explicit TestAuthority(std::string_view name = "Example Corp");
    [[nodiscard]] rats::CertificateDer root() const { return rats::CertificateDer(root_); }
    [[nodiscard]] Bytes spki() const { return attestation::public_key_der(key_.get()).value(); }
    /// A bundle with this root as its anchor: version, and days until its next update (negative: overdue).
    [[nodiscard]] rats::Bundle bundle(uint64_t version, int days) const;
    [[nodiscard]] Bytes sign(const rats::Bundle& bundle) const;
    [[nodiscard]] rats::CertificateDer certify_ak(ByteSpan tpmt_public, attestation::EkOrigin ek,
                                                  bool managed = false) const;
    [[nodiscard]] rats::CertificateDer certify_identity(ByteSpan tpmt_public, std::string_view uri) const;
    [[nodiscard]] rats::CertificateDer certify_spki(ByteSpan spki, std::string_view uri) const;

  private:
    [[nodiscard]] attestation::Authority authority() const { return {.key = key_.get(), .certificate = root_}; }
    attestation::PkeyPtr key_;
    Bytes root_;
};

/// What a phone of this harness measures of itself; `managed`: by a guard that comes first.
std::vector<attestation::MeasuredRole> measured_roles(bool managed);

policy::Policy lab_policy();  ///< level 2 with LAB, ordinary phones with a warning, answers by itself

struct PhoneOptions {
    std::string uri = "sip:alice@example.com";
    policy::Policy policy = lab_policy();
    policy::Policy wishes = policy::no_wishes();
    bool enrolled = true;
    attestation::EkOrigin ek = attestation::EkOrigin::lab;
    std::vector<std::string> known_attesting = {};
    std::vector<std::pair<std::string, ipc::Peer>> known_peers = {};  ///< what the vault remembers already
    std::vector<std::string> contacts = {};
    std::string sip_password = {}, sip_realm = {};
    std::string vault_pin = {};  ///< set: the phone starts locked then
    uint32_t lock_after_s = 0;
    ipc::AuditDrop audit_drop = {};             ///< what the launcher wants dropped
    Bytes bundle = {};                          ///< the file in the profile; empty: none
    Bytes bundle_signer = {};                   ///< SPKI as enrolment named it
    std::optional<tpm::AuthorityPin> pin = {};  ///< what enrolment wrote into the TPM
    bool managed = false;
    std::vector<std::string> partners = {};                 ///< domains that see an AK of their own
    Bytes boot_log = {}, runtime_log = {};                  ///< files of this machine; empty: none
    std::vector<std::pair<uint8_t, Digest>> extended = {};  ///< what happened to the TPM before the phone started
    std::vector<std::string> show_logs_to = {};             ///< domains
    std::vector<std::string> passport_to = {};              ///< domains
    enclave::RecheckTimes recheck = {};                     ///< but for `every`: that is policy.recheck_seconds
    /// What the verifier answers; default: the real appraisal.
    std::function<std::optional<rats::VerifierResponse>(const rats::VerifierRequest&)> verifier = {};
};

class EnclavePhone {
  public:
    EnclavePhone(const TestAuthority& authority, PhoneOptions options);
    EnclavePhone(const EnclavePhone&) = delete;
    EnclavePhone& operator=(const EnclavePhone&) = delete;
    ~EnclavePhone();

    /// Starts (again) on the same TPM: what a crash of the enclave alone looks like.
    void start();
    /// Turns the enclave's loop once and collects what it said.
    void pump();
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] int exit_status() const { return enclave_->exit_status(); }
    [[nodiscard]] const std::string& uri() const { return options_.uri; }
    tpm::test::Swtpm& swtpm() { return *swtpm_; }
    /// Puts another file in the place of the bundle; empty: takes it away. Counts from the next start.
    void replace_bundle(ByteSpan bytes) { options_.bundle = to_bytes(bytes); }
    /// The launcher found another bundle in the profile of the running phone.
    void offer_bundle(ByteSpan bytes);
    [[nodiscard]] std::optional<ipc::EnclaveStatus> status();
    [[nodiscard]] Digest identity_spki() const { return identity_spki_; }
    void extend_measurement(std::string_view text) const;
    void extend(uint8_t pcr, const Digest& digest) const;
    void extend(uint8_t pcr, std::string_view text) const;
    /// Puts other logs in the place of those that this machine shows, for the next start().
    void set_logs(Bytes boot, Bytes runtime) {
        options_.boot_log = std::move(boot);
        options_.runtime_log = std::move(runtime);
    }
    /// The list of a kernel that measured something while the phone runs: what comes after its end of before.
    void grow_runtime_log(ByteSpan whole);
    /// Fills the enclave's queue to the TPM with jobs that wait until `open` is set.
    void fill_tpm_queue(const std::shared_ptr<std::atomic<bool>>& open);
    [[nodiscard]] std::string audit_text() const;
    /// Puts another file in the place of the audit log, while the enclave has stopped.
    void replace_audit(const std::string& text);
    /// The enclave dies without a word; its TPM goes on.
    void stop();
    [[nodiscard]] tpm::IdentityBlobs identity() const {
        return {.public_area = to_bytes(config_.identity_public.view()),
                .private_area = to_bytes(config_.identity_private.view())};
    }

    ipc::Link control, host, ui, audio;
    std::deque<Bytes> from_host, from_ui, from_audio, from_control;  ///< what the enclave said to each
    std::vector<Bytes> verifier_requests;
    size_t verifier_log_bytes = 0;  ///< of all requests

    /// Removes and returns the first waiting message of this type.
    template <class T>
    static std::optional<T> take(std::deque<Bytes>& queue) {
        for (auto it = queue.begin(); it != queue.end(); ++it)
            if (auto m = ipc::decode_message<T>(*it)) {
                queue.erase(it);
                return std::move(*m);
            }
        return {};
    }
    template <class T>
    static size_t count(const std::deque<Bytes>& queue) {
        return static_cast<size_t>(
            std::ranges::count_if(queue, [](const Bytes& b) { return *ipc::message_id(b) == T::kId; }));
    }
    /// Audio was told to open, or was given sound.
    [[nodiscard]] bool sounded() const {
        return count<ipc::OpenStream>(from_audio) + count<ipc::PlayFrame>(from_audio) != 0;
    }
    /// Newest CallStateChanged of any call, kept though taken from the queue.
    std::optional<ipc::CallStateChanged> last_state() const;
    std::vector<ipc::KeyLife> key_life() const;
    std::optional<ipc::CallCard> last_card() const;

    [[nodiscard]] UniqueFd open_vault() const;
    /// Opens the file of the vault beside the enclave, between two commands of its to the TPM, and changes it; start()
    /// again afterwards. `change` may only look as well. With a PIN: as the option has it.
    void edit_vault(const std::function<void(vault::Content&)>& change) const;
    [[nodiscard]] std::vector<std::pair<std::string, ipc::Peer>> remembered() const;
    /// The person enters a PIN, and waits for what becomes of it.
    std::optional<ipc::PinReply> enter_pin(std::string_view pin, RequestId question = {});
    /// What the enclave answers a server of this realm that asks for a digest with SHA-256; empty: nothing.
    std::string answer_challenge(std::string_view realm);

  private:
    void fill_vault(tpm::Tpm& tpm) const;
    /// The verifier's end of one slot, and the request that it is being told.
    struct VerifierSlot {
        ipc::Link link;
        Bytes request;
        Bytes logs;
    };
    void serve_verifier(VerifierSlot& slot);
    void answer_verifier(VerifierSlot& slot);
    PhoneOptions options_;
    tpm::test::TempDir dir_;
    std::unique_ptr<tpm::test::Swtpm> swtpm_;
    ipc::ConfigureEnclave config_;
    Digest identity_spki_{};
    tpm::Worker* worker_ = nullptr;  ///< of the enclave that runs
    UniqueFd runtime_file_;          ///< the same file as the enclave's
    std::unique_ptr<enclave::Enclave> enclave_;
    std::vector<VerifierSlot> verifiers_;
    Bytes buffer_;
    bool ended_ = false;
};

/// Two hosts and the network between them: SIP reduced to the order of its messages. `caller` dials `callee`.
class Hosts {
  public:
    Hosts(EnclavePhone& caller, EnclavePhone& callee) : a_(caller), b_(callee) {}

    /// Sees every message an enclave gives its host, before the host acts. False: the host swallows it.
    std::function<bool(EnclavePhone&, Bytes&)> intercept;
    /// Datagrams that the network loses.
    std::function<bool(ByteSpan)> lose_datagram;
    /// The authority behind each host: its answer to a whole request, empty for none. Not set: it never answers.
    std::function<Bytes(EnclavePhone&, const Bytes&)> authority;
    bool ordinary = false;  ///< the callee's side pretends (or is) not to attest

    void turn();  ///< one turn of both enclaves and both hosts
    bool run_until(const std::function<bool()>& done, Millis longest = Millis{20000});
    void dial(std::string_view uri, std::string_view label = {});
    /// Dials, and turns until both sides have media.
    bool connect(std::string_view uri = "sip:bob@example.com");
    /// 20 ms of pretended speech each way, `n` times.
    void talk(int n);
    /// What each person, the caller first, hears of the other's next 10 such frames.
    std::pair<size_t, size_t> sound();

    SessionId a_session{}, b_session{};
    std::vector<Bytes> channel_to_b, channel_to_a;  ///< every INFO body, for replays
    std::vector<Bytes> datagrams_a, datagrams_b;    ///< by sender
    CallId a_call{}, b_call{};

  private:
    void serve(EnclavePhone& self, EnclavePhone& peer, bool caller_side);
    EnclavePhone& a_;
    EnclavePhone& b_;
    uint32_t timestamp_ = 0;
    std::vector<Bytes> waiting_;  ///< INFO that overtook the 183
    std::map<const EnclavePhone*, Bytes> passport_requests_;
    Digest ordinary_fingerprint_{};
};

}  // namespace sealcall::test
