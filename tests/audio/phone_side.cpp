#include "tests/audio/phone_side.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sealcall::audio::test {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const auto& s : strings) out.push_back(const_cast<char*>(s.c_str()));
    out.push_back(nullptr);
    return out;
}

std::pair<UniqueFd, UniqueFd> pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

double number(const std::string& json, const std::string& name) {
    const size_t at = json.find("\"" + name + "\": ");
    return at == std::string::npos ? 0 : std::atof(json.c_str() + at + name.size() + 4);
}

}  // namespace

Directory::Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "sealcall-audio-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
}

Directory::~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

pid_t spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment,
            const std::string& log, const std::function<void()>& in_child) {
    const auto argv = pointers(command);
    const auto envp = pointers(environment);
    const pid_t child = ::fork();
    if (child != 0) return child;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(null, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    if (in_child) in_child();
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
}

void end(pid_t pid, int signal) {
    if (pid <= 0) return;
    ::kill(pid, signal);
    int status = 0;
    ::waitpid(pid, &status, 0);
}

int wait_for(pid_t pid, Millis limit) {
    const auto until = BootClock::now() + limit;
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
        if (BootClock::now() > until) return -1;
        ::usleep(2000);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

std::string run(const std::vector<std::string>& command, int& status, const std::vector<std::string>& extra) {
    Directory scratch;
    std::vector<std::string> environment = extra;
    for (char** e = ::environ; *e != nullptr; ++e) environment.emplace_back(*e);
    status = wait_for(spawn(command, environment, scratch.path("out")), Millis(60'000));
    std::ifstream in(scratch.path("out"));
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
}

bool make_speech(const std::string& path, int seconds) {
    const std::string text =
        "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the "
        "depth "
        "of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of lemons "
        "makes "
        "fine punch. The box was thrown beside the parked truck.";
    int status = 0;
    run({"espeak-ng", "-w", path + ".raw.wav", text}, status);
    if (status != 0) return false;
    run({"sox", path + ".raw.wav", "-r", "48000", "-c", "1", path, "gain", "-n", "-6", "trim", "0",
         std::to_string(seconds)},
        status);
    return status == 0;
}

Quality quality(const std::string& sent, const std::string& received, const std::vector<std::string>& more) {
    std::vector<std::string> command{SEALCALL_QUALITY, "--json", sent, received};
    command.insert(command.end(), more.begin(), more.end());
    Quality q;
    const std::string json = run(command, q.status);
    q.estoi = number(json, "estoi");
    q.continuity = number(json, "continuity");
    q.longest_gap_ms = number(json, "longest_gap_ms");
    q.lag_ms = number(json, "lag_ms");
    EXPECT_TRUE(q.status == 0 || q.status == 3) << json;
    return q;
}

Micros cpu_of(pid_t pid) {
    clockid_t clock{};
    timespec t{};
    if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &t) != 0) return Micros{};
    return Micros(t.tv_sec * 1'000'000 + t.tv_nsec / 1000);
}

uint64_t pss_kib(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/smaps_rollup");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("Pss:")) return std::stoull(line.substr(4));
    return 0;
}

AudioProcess::AudioProcess(const Files& files, const std::vector<std::string>& environment, const std::string& log) {
    auto [control, its_control] = pair();
    auto [enclave, its_enclave] = pair();
    const UniqueFd in(files.wav_in.empty() ? -1 : ::open(files.wav_in.c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd out(files.wav_out.empty() ? -1 : ::open(files.wav_out.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const std::vector<std::pair<int, int>> wanted{{its_control.get(), ipc::fd::kControl},
                                                  {its_enclave.get(), ipc::fd::kAudioEnclave},
                                                  {in.get(), ipc::fd::kAudioWavIn},
                                                  {out.get(), ipc::fd::kAudioWavOut}};
    pid_ = spawn({SEALCALL_AUDIO}, environment, log, [&] {
        std::vector<std::pair<int, int>> moved;
        for (auto [from, to] : wanted) moved.emplace_back(from < 0 ? -1 : ::fcntl(from, F_DUPFD_CLOEXEC, 100), to);
        for (auto [from, to] : moved) {
            if (from < 0) {
                ::close(to);
            } else {
                ::dup2(from, to);
            }
        }
    });
    control_ = ipc::Link(std::move(control));
    enclave_ = ipc::Link(std::move(enclave));
    (void)control_.hello(ipc::ProcessRole::launcher);
    (void)enclave_.hello(ipc::ProcessRole::enclave);
}

AudioProcess::~AudioProcess() { end(pid_, SIGKILL); }

ipc::Ready AudioProcess::start(const ipc::ConfigureAudio& config) {
    (void)control_.send(config);
    (void)control_.send(ipc::Start{});
    const auto until = BootClock::now() + Millis(15'000);
    while (BootClock::now() < until) {
        pollfd p{.fd = control_.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, 100);
        auto m = control_.receive(buffer_);
        if (!m && m.error().code == Errc::would_block) continue;
        if (!m) break;
        if (auto hello = ipc::decode_message<ipc::LinkHello>(*m)) {
            EXPECT_TRUE(ipc::hello_matches(*hello, ipc::ProcessRole::audio));
            continue;
        }
        if (auto ready = ipc::decode_message<ipc::Ready>(*m)) return *ready;
    }
    return {.ok = false, .problem = BoundedString<256>("the process gave no answer")};
}

bool AudioProcess::pump() {
    for (;;) {
        auto m = enclave_.receive(buffer_);
        if (!m) return m.error().code == Errc::would_block;
        if (auto frame = ipc::decode_message<ipc::CapturedFrame>(*m)) {
            if (on_frame) on_frame(*frame);
        } else if (auto event = ipc::decode_message<ipc::AudioEvent>(*m)) {
            events.push_back(event->kind);
        } else if (auto s = ipc::decode_message<ipc::StreamStats>(*m)) {
            stats = *s;
        } else if (auto hello = ipc::decode_message<ipc::LinkHello>(*m)) {
            greeted = ipc::hello_matches(*hello, ipc::ProcessRole::audio);
        } else {
            ADD_FAILURE() << "unknown message " << ipc::message_id(*m).value_or(0);
        }
    }
}

int AudioProcess::shut_down() {
    (void)control_.send(ipc::Shutdown{});
    const int status = wait_for(pid_, Millis(3000));
    if (status >= 0) pid_ = -1;
    return status;
}

bool run_until(const std::vector<AudioProcess*>& processes, Millis limit, const std::function<bool()>& done) {
    const auto until = BootClock::now() + limit;
    while (BootClock::now() < until) {
        std::vector<pollfd> p;
        for (auto* each : processes) p.push_back({.fd = each->fd(), .events = POLLIN, .revents = 0});
        (void)::poll(p.data(), p.size(), 5);
        for (auto* each : processes)
            if (each->fd() >= 0 && !each->pump()) each->close_enclave_link();
        if (done()) return true;
    }
    return false;
}

}  // namespace sealcall::audio::test
