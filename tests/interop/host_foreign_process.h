// A foreign program with a directory of its own, ended with its children when the test ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace sealcall::testing {

class ForeignProcess {
  public:
    ForeignProcess();
    ~ForeignProcess();
    ForeignProcess(const ForeignProcess&) = delete;
    ForeignProcess& operator=(const ForeignProcess&) = delete;

    [[nodiscard]] std::filesystem::path dir() const { return dir_; }
    void write_file(const std::string& name, const std::string& text) const;
    /// Starts `program` (searched in PATH and sbin). False: not installed.
    bool start(const std::string& program, const std::vector<std::string>& arguments);
    /// True when something listens there in time.
    static bool wait_tcp(uint16_t port);
    [[nodiscard]] std::string log() const;
    static uint16_t free_port();

  private:
    std::filesystem::path dir_;
    pid_t pid_ = -1;
};

}  // namespace sealcall::testing
