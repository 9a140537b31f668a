// sealcall-approve: prints the list of approved programs for sealcall-guard (enclave/guard/approved.h), as they are
// installed now. Whoever installs its output as /etc/sealcall/guard/approved approves them.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "tools/sealcall/launcher/closure.h"
#include "tools/sealcall/launcher/ground.h"

namespace {

using namespace sealcall;
namespace fs = std::filesystem;

constexpr const char* kUsage =
    "usage: sealcall-approve DIR\n"
    "Prints what sealcall-guard in DIR is to measure and to start: the programs of sealcall in DIR with the libraries\n"
    "that they use now, each with its SHA-256. Install the output as /etc/sealcall/guard/approved, mode 0644, "
    "root's.\n";

std::string hex(const Digest& digest) {
    std::string out;
    for (const std::byte b : digest) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(b));
        out += two;
    }
    return out;
}

/// One role's lines; the digests are those of copies, as everywhere.
Result<std::string> lines_of(const char* role, const fs::path& program, launcher::FileStore& store,
                             const fs::path& root) {
    TRY(const launcher::Closure closure, launcher::find_closure(program));
    TRY(const attestation::MeasuredRole measured, store.place(closure, role, root / role));
    std::string out = std::string("role ") + role + "\n";
    for (size_t i = 0; i < closure.files.size(); ++i)
        out += "file " + hex(measured.files[i].digest) + " " + closure.files[i].place.string() + " " +
               closure.files[i].source.string() + "\n";
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    const bool help = argc == 2 && std::strcmp(argv[1], "--help") == 0;
    if (argc != 2 || help) {
        std::fputs(kUsage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    std::error_code failed;
    const fs::path programs = fs::canonical(argv[1], failed);
    std::string name = (fs::temp_directory_path() / "sealcall-approve-XXXXXX").string();
    if (failed || ::mkdtemp(name.data()) == nullptr) {
        std::fprintf(stderr, "%s cannot be read, or there is no place for copies.\n", argv[1]);
        return 1;
    }
    const fs::path root = name;
    launcher::FileStore store(root);
    std::string list = "# what sealcall-guard measures and starts; made by sealcall-approve\n";
    const char* bad = nullptr;
    // The guard asks for itself first and the enclave last; in between stands the launcher's order.
    for (const char* role : {"guard", "verifier", "host", "ui", "audio", "enclave"}) {
        const auto lines = lines_of(role, programs / (std::string("sealcall-") + role), store, root);
        if (!lines) {
            std::fprintf(stderr, "sealcall-%s cannot be read: %s.\n", role, launcher::technical(lines.error()).c_str());
            bad = role;
            break;
        }
        list += *lines;
    }
    fs::remove_all(root, failed);
    if (bad != nullptr) return 1;
    std::fputs(list.c_str(), stdout);
    return 0;
}
