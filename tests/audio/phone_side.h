// What stands around the audio role in these tests: a launcher and an enclave, as far as their links to it go, the
// speech that is played, and the yardstick. Processes are children that die with the test.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sealcall/base/time.h"
#include "sealcall/ipc/link.h"

namespace sealcall::audio::test {

/// A directory of its own that goes away with the test.
class Directory {
  public:
    Directory();
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory();
    [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// Runs a program to its end; its standard output, and its exit status in `status`. Environment: ours, with `extra` in
/// front.
std::string run(const std::vector<std::string>& command, int& status, const std::vector<std::string>& extra = {});
/// Starts a program that dies with the test; standard streams go to `log`.
pid_t spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment,
            const std::string& log, const std::function<void()>& in_child = {});
void end(pid_t pid, int signal);
/// Exit status of a child that ends by itself within `limit`; -1 if it does not, 1000 + signal if it was killed.
int wait_for(pid_t pid, Millis limit);

/// Speech of about `seconds` as a 48 kHz mono WAV file, by espeak-ng and sox. Empty if they are not installed.
bool make_speech(const std::string& path, int seconds);

struct Quality {
    double estoi = 0;
    double continuity = 0;
    double longest_gap_ms = 1e9;
    double lag_ms = 0;
    int status = -1;
};
Quality quality(const std::string& sent, const std::string& received, const std::vector<std::string>& more = {});

/// The CPU time that a process has used, and the memory that is its own (PSS).
Micros cpu_of(pid_t pid);
uint64_t pss_kib(pid_t pid);

/// One sealcall-audio process with both its links.
class AudioProcess {
  public:
    struct Files {
        std::string wav_in;   ///< empty: none
        std::string wav_out;  ///< empty: none
    };
    AudioProcess(const Files& files, const std::vector<std::string>& environment, const std::string& log);
    AudioProcess(const AudioProcess&) = delete;
    AudioProcess& operator=(const AudioProcess&) = delete;
    ~AudioProcess();

    /// Configures and starts it; its answer.
    ipc::Ready start(const ipc::ConfigureAudio& config);
    template <ipc::Message T>
    void tell(const T& m) {
        (void)enclave_.send(m);
    }
    void tell_bytes(Bytes b) { (void)enclave_.send_bytes(std::move(b)); }
    /// Takes in what has come from the process. False once it has closed its link.
    bool pump();
    /// Orderly end; the exit status.
    int shut_down();

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] int fd() const { return enclave_.fd(); }
    void close_enclave_link() { enclave_.close(); }
    ipc::Link& control() { return control_; }

    std::function<void(const ipc::CapturedFrame&)> on_frame;
    std::vector<ipc::AudioEventKind> events;
    std::optional<ipc::StreamStats> stats;
    bool greeted = false;

  private:
    pid_t pid_ = -1;
    ipc::Link control_;
    ipc::Link enclave_;
    Bytes buffer_ = Bytes(ipc::kMessageMax + 1);
};

/// Pumps processes until `done` says so, or for `limit`. True if `done` did.
bool run_until(const std::vector<AudioProcess*>& processes, Millis limit, const std::function<bool()>& done);

}  // namespace sealcall::audio::test
