// A whole phone: copies and measures the roles, starts them in their sandboxes, joins them by links, watches them, and
// ends them together. Nothing it starts outlives it.
#pragma once

#include <sys/stat.h>
#include <termios.h>

#include <functional>
#include <memory>

#include "tools/sealcall/launcher/ground.h"
#include "tools/sealcall/launcher/role_control.h"
#include "tools/sealcall/launcher/verifier_slots.h"

namespace sealcall::launcher {

/// Exit statuses of a phone beside those that ui gives in QuitPhone.
inline constexpr int kExitRoleLost = 5;     ///< a role of this phone ended by itself
inline constexpr int kExitSignalled = 128;  ///< plus the signal's number: SIGINT 130, SIGTERM 143

/// Everything that a phone is told. The launcher itself fills in what it knows better: the measurement log and its PCR,
/// the kind of TPM, wav_in and wav_out of the enclave.
struct PhonePlan {
    GroundPlan ground;
    ipc::ConfigureEnclave enclave;
    ipc::ConfigureHost host;
    ipc::ConfigureAudio audio;
    ipc::ConfigureUi ui;
    UniqueFd audit_log;            ///< opened for append and reading
    UniqueFd bundle;               ///< the authority's, for reading; none: /dev/null
    UniqueFd boot_log;             ///< of this machine; none: /dev/null
    UniqueFd runtime_log;          ///< the same
    UniqueFd vault;                ///< for reading and writing
    UniqueFd control_socket;       ///< listening Unix socket for ui; none: /dev/null
    UniqueFd wav_in, wav_out;      ///< where `audio` says wav
    std::string pulse_socket;      ///< for audio devices; find_pulse_socket()
    int ui_in = 0, ui_out = 1;     ///< ui's terminal; stay the caller's
    Millis ready_deadline{20000};  ///< from the start of the roles until all are ready
};

/// Tells one content of a file that is only ever replaced as a whole from another.
struct FileVersion {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t changed_ns = 0;
    bool operator==(const FileVersion&) const = default;
    static FileVersion of(int fd);
};

struct PhoneEnd {
    int exit_status = 0;
    std::string sentence;  ///< empty when it ended as it was asked to
};

struct PhoneCallbacks {
    std::function<UniqueFd()> open_bundle = {};  ///< the one that lies in the profile now; invalid: none
};

class Phone {
  public:
    /// Blocks until every role is ready. Blocks SIGINT, SIGTERM and SIGHUP of this thread while the phone lives. One
    /// thread; what it starts ends with this thread. Errors: the cause; `problem` says it to a person.
    static Result<std::unique_ptr<Phone>> start(PhonePlan plan, std::string& problem);
    Phone(const Phone&) = delete;
    Phone& operator=(const Phone&) = delete;
    /// Ends what still runs.
    ~Phone();

    /// Until ui asks to quit, a signal comes, or a role is lost; then ends the phone in order: the enclave first, which
    /// hangs up and destroys its secrets while the host can still send.
    PhoneEnd run(const PhoneCallbacks& callbacks);

    [[nodiscard]] Isolation isolation() const { return ground_.isolation(); }
    [[nodiscard]] const Bytes& measurement_log() const { return ground_.log(); }
    /// What /proc says of every process of the phone, the launcher first.
    [[nodiscard]] std::vector<ipc::ProcessReport> reports(RequestId request) const;

  private:
    explicit Phone(Ground ground);

    Status start_roles(PhonePlan& plan);
    Status start_one(ipc::ProcessRole role, std::vector<int> fds_from_3, const std::optional<SoundAccess>& sound);
    Status configure(PhonePlan& plan);
    Status wait_until_ready(Millis deadline);
    void catch_signals();
    void keep_terminal(const PhonePlan& plan);

    void poll_once(std::optional<BootInstant> until);
    [[nodiscard]] bool listens_to(const RoleControl& role) const;
    void take_signal();
    void take_messages(RoleControl& role);
    void take_message(RoleControl& role, ByteSpan message);
    void take_ends();
    void notice_bundle();
    void send_bundle(int fd, size_t size);
    void answer_processes(RoleControl& ui, RequestId request);
    void lose(RoleControl& role, const std::string& how);
    void end_with(int exit_status, std::string sentence);

    void shut_down();
    void ask_to_end(ipc::ProcessRole role);
    void wait_for_ends(std::span<const ipc::ProcessRole> roles, Millis deadline);
    RoleControl* find(ipc::ProcessRole role);
    void log(const std::string& line) const;

    Ground ground_;
    std::vector<RoleControl> roles_;
    VerifierSlots verifiers_;
    UniqueFd signals_;
    sigset_t mask_before_{};
    std::optional<termios> terminal_;
    int terminal_fd_ = -1;
    const PhoneCallbacks* callbacks_ = nullptr;
    FileVersion bundle_seen_;  ///< what the enclave was given last
    BootInstant bundle_next_look_{};
    std::optional<PhoneEnd> end_;
    bool all_ready_ = false;  ///< until then a role that is ready has to wait with what it wants
    bool ending_ = false;
    bool hurried_ = false;  ///< a second signal: hardly any more waiting
    Bytes buffer_ = Bytes(ipc::kMessageMax + 1);
};

}  // namespace sealcall::launcher
