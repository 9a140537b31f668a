// What a person asked for: the values of every option of `sealcall`, as command_line.h reads them. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sealcall::cli {

struct GlobalOptions {
    std::string profile = "default";
    bool json = false;
    std::string roles_dir;  ///< hidden: where the role executables are, for tests and demonstrations
};

struct InitOptions {
    std::string tpm = "auto";
    std::string uri;
    std::string lab_ek_dir;
    std::string guard;  ///< socket; empty: the usual one, if a guard answers there
    bool renew_identity = false;
};

struct AuthorityOptions {
    std::string dir;
    std::string name;
    std::string domain;
    std::vector<std::string> ek_roots;
    std::vector<std::string> lab_ek_roots;
    bool accept_unproven_ek = false;
    std::string expired_intermediates = "refuse";
    std::string database;
    std::string user, device, key, reason;  ///< token create, revoke
    std::string id;                         ///< a token, administrator or device
    std::string device_profile = "embedded";
    std::string role = "viewer";
    unsigned hours = 7 * 24;
    bool replace_device = false;
    uint64_t after = 0;
    std::string listen = "127.0.0.1:7443";
    std::vector<std::string> host_names;
    unsigned requests_per_second = 20;
    std::string out, card;  ///< partners
    bool force = false;     ///< of `out`
    int at_most = 2;
    bool lab = false;
};

struct EnrolOptions {
    std::string authority_dir;
    std::string url;
    std::string token, token_file, root_file;
    std::string device_profile;  ///< empty: as the profile was set up
    std::string partner;
    bool renew = false;
    std::string uri;
    std::vector<std::string> host_names;
    bool replace_device = false;
};

struct PhoneOptions {
    bool headless = false;
    std::string in, out;
    std::string answer;
};

struct CallOptions {
    std::string uri;
    std::string label;
    std::string in, out;
    double hang_up_after = 0;  ///< seconds; 0: never
    double hold_after = 0;
    double hold_for = 0;
};

/// `sealcall reference ...`, `sealcall bundle ...` and `sealcall authority bundle`.
struct ReferenceOptions {
    std::string store, authority;
    std::string log, second_log, ima, sealcall_log;
    std::string pcrs;
    std::string allow_list, corim, key;
    std::string out;
    std::vector<uint32_t> ids, forbid, withdraw;
    bool all = false;
    std::vector<std::string> predict, predict_file, predict_digest, predict_programs;
    std::string approvals;
    std::vector<std::string> revoke;
    uint32_t days = 7;
    bool fewer = false;
    std::string bundle, signer;
};

/// `sealcall evidence ...`: one structure for each command of the group.
struct ReplayOptions {
    std::string log;
    std::string ima;
    std::string cel;
    std::string pcrs;
};

struct TrustOptions {  ///< verify, show and explain: whom the reader of an evidence file believes
    std::string authority, bundle;
    std::string at;
    std::optional<std::string> nonce;  ///< hexadecimal
    uint8_t measurement_pcr = 13;
};

struct CollectOptions {
    std::string file;
    std::optional<std::string> nonce;  ///< hexadecimal
    bool without_logs = false;
};

struct VerifyOptions {
    std::string file;
    TrustOptions trust;
    bool any_age = false;
    unsigned at_least = 1;
};

struct ShowOptions {  ///< show and explain: a boot log or evidence
    std::string file;
    std::string html;
    TrustOptions trust;
};

struct AttestOptions {  ///< quote and certify
    std::string ak;
    std::string attest;
    std::string signature;
    std::optional<std::string> nonce;  ///< hexadecimal
    std::string pcrs;
    std::string object;
    std::string scheme, hash;
    bool allow_sha1 = false;
};

struct EkOptions {
    std::string certificate;
    std::string roots, intermediates;
    std::string at;
    bool accept_expired_intermediates = false;
};

struct EarOptions {
    std::string token;
    std::string key;
    std::string nonce;
    std::string at;
    std::string accept = "affirming";
    bool passport = false;
};

struct CorimOptions {
    std::string file;
    std::string key;
    std::string at;
};

/// `sealcall audit ...` and `sealcall keys ...`.
struct AuditOptions {
    std::vector<std::string> files;  ///< oldest first; empty: the profile's
    TrustOptions trust;
    std::vector<std::string> witnesses;  ///< heads in hexadecimal, or files of `audit export --witnesses`
    bool live = false;
    std::optional<uint32_t> keep_days;  ///< the enterprise's rule of retention; 0: for ever
    std::string html;
    std::string out;
    std::vector<std::string> to;  ///< journald, syslog places
    bool follow = false;
    std::string sent;  ///< hidden: file with how far each place is; the launcher's
    bool for_witnesses = false;
    bool force = false;  ///< another file may stand at `out`
    std::string call;    ///< number of a call's first record, or "last"
    std::string proof;
};

/// `sealcall policy ...`
struct PolicyOptions {
    std::string file, second, out, authority, store;
    std::string peer, direction = "outgoing", label, vouched_by, verifier, at, age, call;
    int level = 2;
    bool lab = false, software_tpm = false, ordinary = false, downgrade = false, known = false;
    std::vector<std::string> lacks;
    bool strict = false, withdraw = false, fewer = false;
    uint32_t days = 7;
};

/// `sealcall pin`, `vault`, `contacts`, `history`, `peers` and `settings`
struct VaultOptions {
    bool yes = false, remove = false, force = false;
    std::string username, realm;
    std::string file, format;
    std::string uri, name, note;
};

struct Options {
    GlobalOptions global;
    InitOptions init;
    AuthorityOptions authority;
    EnrolOptions enrol;
    PhoneOptions phone;
    CallOptions call;
    ReplayOptions replay;
    CollectOptions collect;
    VerifyOptions verify;
    ShowOptions show;
    ReferenceOptions reference;
    AttestOptions quote, certify;
    EkOptions ek;
    EarOptions ear;
    CorimOptions corim;
    PolicyOptions policy;
    VaultOptions vault;
    std::string ctl_method;
    std::vector<std::string> ctl_arguments;
    std::string call_id;  ///< answer, hangup, hold, recheck: which call; empty: the only one
    bool hold_off = false;
    bool listen_only = false;
    AuditOptions audit;
    std::string guard_socket;  ///< empty: the usual one
    std::string man_command;
    std::string man_dir;
    std::string shell;
};

}  // namespace sealcall::cli
