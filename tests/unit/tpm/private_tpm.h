// A private swtpm on a socket pair, as the launcher gives the enclave one, and a phone's Tpm on top. Ends with the
// test.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <memory>
#include <string>

#include "enclave/tpm/esys.h"
#include "enclave/tpm/tpm.h"

namespace sealcall::tpm::test {

/// Generous: two cores may be busy with other tests.
inline constexpr Millis kPatient{20'000};

/// A directory that is removed with everything in it.
class TempDir {
  public:
    TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir();
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class Swtpm {
  public:
    explicit Swtpm(const std::string& state_dir);
    Swtpm(const Swtpm&) = delete;
    Swtpm& operator=(const Swtpm&) = delete;
    ~Swtpm();
    /// The connection; the first call takes it, later ones get a duplicate of the same.
    UniqueFd connect() const;
    int fd() const { return data_.get(); }
    void send_signal(int signal) const;
    /// Kills and reaps it: the connection is dead afterwards.
    void kill9();

  private:
    UniqueFd data_, control_;
    pid_t pid_ = -1;
};

/// Makes the state with an EK certificate from a CA of the test's own. False when swtpm_setup is not installed.
bool make_certified_state(const std::string& state_dir, const std::string& work_dir);

inline Bytes boot_secret() { return to_bytes(as_bytes("a boot secret of thirty-two byte")); }
Digest digest_of_text(std::string_view text);

/// A started TPM, provisioned, with a loaded identity key.
class PhoneTest : public ::testing::Test {
  protected:
    void SetUp() override;
    /// New connection to the running swtpm with the same boot secret, keys loaded.
    void open_loaded();
    Options options() const;
    /// Another user of the same TPM: an ESYS context of its own on the same connection.
    std::unique_ptr<Esys> stranger() const;
    void extend(uint8_t pcr, std::string_view text) const;
    /// Guesses at an object of another program until the TPM's dictionary attack protection locks out.
    void lock_out() const;
    /// kill -9, start again over the same state.
    void crash_and_restart();

    TempDir dir_;
    Bytes auth_ = boot_secret();
    std::unique_ptr<Swtpm> swtpm_;
    std::unique_ptr<Tpm> tpm_;
    IdentityBlobs identity_;
};

/// The Error of a Result, or a zero code when it holds a value.
template <class T>
Error error_of(const Result<T>& r) {
    return r ? Error{} : r.error();
}

}  // namespace sealcall::tpm::test

namespace sealcall {
/// For readable failures.
inline void PrintTo(const Error& e, std::ostream* os) {
    *os << static_cast<int>(e.code) << " \"" << e.what << "\" 0x" << std::hex << e.detail << std::dec;
}
}  // namespace sealcall

#define ASSERT_OK(expr)                                                                                         \
    do {                                                                                                        \
        const auto& result_ = (expr);                                                                           \
        ASSERT_TRUE(result_.has_value()) << ::testing::PrintToString(::sealcall::tpm::test::error_of(result_)); \
    } while (0)
#define EXPECT_ERROR(expr, errc)                                                            \
    do {                                                                                    \
        const auto& result_ = (expr);                                                       \
        ASSERT_FALSE(result_.has_value());                                                  \
        EXPECT_EQ(result_.error().code, errc) << ::testing::PrintToString(result_.error()); \
    } while (0)
#define EXPECT_ERROR_RC(expr, errc, rc)                                                                            \
    do {                                                                                                           \
        const auto& result_ = (expr);                                                                              \
        ASSERT_FALSE(result_.has_value());                                                                         \
        EXPECT_EQ(result_.error().code, errc) << ::testing::PrintToString(result_.error());                        \
        EXPECT_EQ(result_.error().detail, static_cast<uint32_t>(rc)) << ::testing::PrintToString(result_.error()); \
    } while (0)
