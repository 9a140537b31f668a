// What a member of the guard's group can send it: requests that are none, floods, other descriptors, another authority.
#include <sys/mman.h>
#include <sys/un.h>

#include "tests/adversarial/guarded_computer.h"

namespace sealcall::guard::test {
namespace {

using HostileRequests = GuardedComputer;

/// One packet with copies of descriptor 0, as any member of the group may send it.
void send_packet(int socket, ByteSpan bytes, size_t descriptors) {
    const std::vector<int> fds(descriptors, 0);
    iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    Bytes control(CMSG_SPACE(descriptors * sizeof(int)));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptors != 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
        std::memcpy(CMSG_DATA(c), fds.data(), descriptors * sizeof(int));
    }
    (void)::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

UniqueFd connected(const fs::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
    return fd;
}

size_t open_files(pid_t pid) {
    const fs::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

TEST_F(HostileRequests, RequestsThatAreNoneAreAnsweredByNothingAndLeaveNothing) {
    const size_t before = open_files(guard_);
    const Bytes genuine = ipc::encode_message(ipc::GuardStart{.build = BoundedString<64>(SEALCALL_BUILD_ID)});
    const Bytes other = ipc::encode_message(ipc::GuardStart{.build = BoundedString<64>("another build")});
    const Bytes ask = ipc::encode_message(ipc::GuardAsk{});
    const auto with_more = [](Bytes message, size_t more) {
        message.resize(message.size() + more);
        return message;
    };
    struct Packet {
        Bytes bytes;
        size_t descriptors;
    };
    const std::vector<Packet> packets{{{}, 0},
                                      {Bytes(1), 0},
                                      {Bytes(100'000), 0},
                                      {with_more(genuine, 1), ipc::kGuardDescriptors},
                                      {with_more(genuine, 1000), ipc::kGuardDescriptors},
                                      {with_more(ask, 1), 0},
                                      {Bytes(genuine.begin(), genuine.end() - 1), ipc::kGuardDescriptors},
                                      {genuine, 0},
                                      {genuine, ipc::kGuardDescriptors - 1},
                                      {genuine, ipc::kGuardDescriptors + 1},
                                      {genuine, 253},
                                      {ask, 253},
                                      {other, ipc::kGuardDescriptors},
                                      {ipc::encode_message(ipc::GuardStatus{}), 0},
                                      {ipc::encode_message(ipc::GuardHandover{}), 0}};
    EXPECT_TRUE(as_user({kPhoneGroup}, [&] {
        for (const Packet& p : packets) {
            const UniqueFd fd = connected(socket());
            if (!fd.valid()) return false;
            send_packet(fd.get(), p.bytes, p.descriptors);
            // Whatever it says to that, it starts nothing: an answer names no process.
            pollfd wait{.fd = fd.get(), .events = POLLIN, .revents = 0};
            (void)::poll(&wait, 1, 2000);
            std::array<std::byte, 16384> buffer;
            const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            const auto said =
                n > 0 ? ipc::decode_message<ipc::GuardStatus>(ByteSpan(buffer).first(static_cast<size_t>(n)))
                      : Result<ipc::GuardStatus>(ipc::GuardStatus{});
            if (!said || said->pid != 0) return false;
        }
        return true;
    }));
    EXPECT_EQ(keys(), GuardKeys::ready);
    // The guard hears of our own last connection's end in its own time.
    const BootInstant until = BootClock::now() + kPatient;
    while (open_files(guard_) != before && BootClock::now() < until) std::this_thread::sleep_for(Millis{5});
    EXPECT_EQ(open_files(guard_), before) << "descriptors that were handed over stay open";
    EXPECT_TRUE(init().has_value()) << problem_;
}

TEST_F(HostileRequests, AFloodOfItsSocketKeepsTheGuardAliveAndItsMemorySmall) {
    const Bytes ask = ipc::encode_message(ipc::GuardAsk{});
    EXPECT_TRUE(as_user({kPhoneGroup}, [&] {
        std::vector<UniqueFd> silent;
        for (int i = 0; i < 400; ++i) {
            silent.push_back(connected(socket()));
            if (silent.back().valid()) send_packet(silent.back().get(), ask, 0);
        }
        for (int i = 0; i < 2000; ++i)  // answers are never read
            for (const size_t which : {size_t{0}, silent.size() - 1})
                if (silent[which].valid()) send_packet(silent[which].get(), ask, static_cast<size_t>(i) % 3);
        return true;
    }));
    EXPECT_EQ(keys(), GuardKeys::ready);
    EXPECT_LT(open_files(guard_), 64u);
    EXPECT_TRUE(init().has_value()) << problem_;
}

TEST_F(HostileRequests, ALauncherThatHandsOverOtherThingsHarmsItselfOnly) {
    const UniqueFd directory(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd memory(::memfd_create("launcher", MFD_CLOEXEC));
    const UniqueFd itself = connected(socket());
    int pipes[2];
    ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
    const UniqueFd read_end(pipes[0]), write_end(pipes[1]);
    for (const int everywhere : {directory.get(), memory.get(), itself.get(), read_end.get(), write_end.get()}) {
        std::array<int, ipc::kGuardDescriptors> fds{};
        fds.fill(everywhere);
        auto running = launcher::start_guarded(socket(), fds, problem_);
        ASSERT_OK(running);
        pollfd ended{.fd = running->connection.get(), .events = POLLIN, .revents = 0};
        (void)::poll(&ended, 1, 500);
        running->connection.reset();
        const BootInstant until = BootClock::now() + kPatient;
        while (launcher::ask_guard(socket())->pid != 0 && BootClock::now() < until)
            std::this_thread::sleep_for(Millis{5});
        EXPECT_EQ(keys(), GuardKeys::ready);
    }
    // What the descriptors could have carried out: nothing. A sanitizer's runtime has words of its own there (no /proc
    // to read its name from).
    std::array<char, 4096> said{};
    const ssize_t n = ::pread(memory.get(), said.data(), said.size() - 1, 0);
    const std::string_view text(said.data(), n > 0 ? static_cast<size_t>(n) : 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    EXPECT_TRUE(text.empty() || text.starts_with("==1==WARNING: reading executable name")) << text;
#else
    EXPECT_EQ(text, "") << "something was written into the launcher's memory";
#endif
    auto made = init();
    ASSERT_OK(made);
    EXPECT_TRUE(made->ok) << made->problem.view();
}

TEST_F(HostileRequests, AMemberCannotPinAnotherAuthority) {
    const auto pin = [&](std::string_view who) -> Result<ipc::PinnedAuthority> {
        auto made = init();
        if (!made) return made.error();
        TRY_STATUS(link_.send(ipc::PinAuthority{.signer = digest_of_text(who), .version = 1}));
        Bytes buffer(ipc::kMessageMax + 1);
        TRY(const ByteSpan answer, next_message(link_, buffer));
        auto out = ipc::decode_message<ipc::PinnedAuthority>(answer);
        finish();
        return out;
    };
    auto first = pin("the enterprise");
    ASSERT_OK(first);
    EXPECT_TRUE(first->ok) << first->problem.view();
    auto second = pin("somebody else");
    ASSERT_OK(second);
    EXPECT_FALSE(second->ok);
    auto again = pin("the enterprise");
    ASSERT_OK(again);
    EXPECT_TRUE(again->ok) << again->problem.view();
}

}  // namespace
}  // namespace sealcall::guard::test
