#include "tests/interop/host_foreign_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "sealcall/base/check.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::testing {

namespace fs = std::filesystem;

ForeignProcess::ForeignProcess() {
    std::string name = (fs::temp_directory_path() / "sealcall-interop-XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr);
    dir_ = name;
}

ForeignProcess::~ForeignProcess() {
    if (pid_ > 0) {
        kill(-pid_, SIGTERM);  // its own process group, made below
        for (int i = 0; i < 200 && waitpid(pid_, nullptr, WNOHANG) == 0; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, WNOHANG);
    }
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
}

void ForeignProcess::write_file(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name) << text;
    fs::permissions(dir_ / name, fs::perms::owner_read | fs::perms::owner_write);
}

bool ForeignProcess::start(const std::string& program, const std::vector<std::string>& arguments) {
    std::string path;
    for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/"})
        if (path.empty() && fs::exists(folder + program)) path = folder + program;
    if (path.empty()) return false;
    std::vector<char*> argv{path.data()};
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    const std::string out = (dir_ / "log").string(), home = "HOME=" + dir_.string();
    const pid_t parent = getpid();
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) _exit(1);
        dup2(::open("/dev/null", O_RDONLY), 0);
        const int log = ::open(out.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
        dup2(log, 1);
        dup2(log, 2);
        for (int fd = 3; fd < 256; ++fd) ::close(fd);
        char* const envp[] = {const_cast<char*>(home.c_str()), const_cast<char*>("PATH=/usr/bin:/bin"), nullptr};
        execve(path.c_str(), argv.data(), envp);
        _exit(127);
    }
    return true;
}

bool ForeignProcess::wait_tcp(uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 500; ++i) {
        UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

std::string ForeignProcess::log() const {
    std::ostringstream s;
    s << std::ifstream(dir_ / "log").rdbuf();
    return s.str();
}

uint16_t ForeignProcess::free_port() {
    // Below the ephemeral range, so that nobody is given it meanwhile; baresip needs the next one as well.
    static int next = 15000 + getpid() % 4000 * 4;
    for (;; next += 2) {
        bool both = true;
        for (int p = next; p <= next + 1; ++p) {
            UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            sockaddr_in a{};
            a.sin_family = AF_INET;
            a.sin_port = htons(static_cast<uint16_t>(p));
            a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            both = both && bind(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
        }
        if (!both) continue;
        const int port = next;
        next += 2;
        return static_cast<uint16_t>(port);
    }
}

}  // namespace sealcall::testing
