#include "tools/sealcall/launcher/id_map.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "sealcall/base/unique_fd.h"

namespace sealcall::launcher {
namespace {

Status write_file(const std::string& path, const std::string& text) {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid() || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return Error{Errc::not_permitted, "id map", static_cast<uint32_t>(errno)};
    return {};
}

std::string to_itself(unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; }

}  // namespace

Status map_ids(const std::string& proc, UserAndGroup ids, SetGroups groups) {
    if (groups == SetGroups::deny) TRY_STATUS(write_file(proc + "/setgroups", "deny"));
    std::string users = to_itself(ids.uid);
    if (groups == SetGroups::keep && ::geteuid() != ids.uid) users += "\n" + to_itself(::geteuid());
    TRY_STATUS(write_file(proc + "/uid_map", users));
    return write_file(proc + "/gid_map", to_itself(ids.gid));
}

bool user_exists_here(uid_t uid) {
    std::ifstream map("/proc/self/uid_map");
    uint64_t inside = 0, outside = 0, count = 0;
    while (map >> inside >> outside >> count)
        if (uid >= inside && uid - inside < count) return true;
    return false;
}

}  // namespace sealcall::launcher
