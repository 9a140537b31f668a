#include "enclave/admission.h"

#include <algorithm>

#include "policy/decide.h"
#include "policy/sip_name.h"

namespace sealcall::enclave {

namespace {

constexpr Millis kTellAgain{60000};

bool any_of(const BoundedList<uint16_t, 16>& groups, const std::array<bool, policy::kGroupsMax>& member) {
    return std::ranges::any_of(groups, [&](uint16_t g) { return member[g]; });
}

}  // namespace

bool CallerLimits::spend(Accounts& accounts, std::string key, const policy::Limit& limit, BootInstant now) {
    if (limit.calls == 0) return true;
    const Micros whole = std::chrono::seconds(limit.seconds);
    const Micros one = whole / limit.calls;
    auto at = accounts.find(key);
    const BootInstant due = at == accounts.end() ? now : std::max(at->second, now);
    if (due + one - now > whole) return false;
    if (at != accounts.end()) return at->second = due + one, true;
    if (accounts.size() >= kKeysMax)
        accounts.erase(std::ranges::min_element(accounts, {}, [](const auto& entry) { return entry.second; }));
    accounts.emplace(std::move(key), due + one);
    return true;
}

Admission CallerLimits::admit(const policy::Document& document, std::string_view peer, Name how, BootInstant now) {
    std::array<bool, policy::kGroupsMax> member{};
    (void)policy::memberships(peer, document, member);
    if (any_of(document.blocked, member)) return Admission::blocked;
    if (how == Name::proven && any_of(document.welcome, member)) return Admission::yes;
    const std::string uri = policy::canonical_uri(peer);
    std::string organisation(policy::sip_name(uri).host);
    for (size_t g = 0; g < document.groups.size(); ++g)
        if (member[g] && document.groups.items()[g].organisation) {
            organisation = ":" + std::to_string(g);
            break;
        }
    const std::scoped_lock lock(mutex_);
    const bool proven = how == Name::proven;
    const bool ok = spend(proven ? proven_ : claimed_, uri, document.per_caller, now) &&
                    spend(proven ? organisations_ : claimed_organisations_, std::move(organisation),
                          document.per_organisation, now);
    return ok ? Admission::yes : Admission::too_often;
}

Admission CallerLimits::admit_origin(const policy::Document& document, std::string_view origin, BootInstant now) {
    const std::scoped_lock lock(mutex_);
    return spend(origins_, std::string(origin), document.per_origin, now) ? Admission::yes : Admission::too_often;
}

bool CallerLimits::tell(Admission why, BootInstant now) {
    const std::scoped_lock lock(mutex_);
    BootInstant& last = told_[static_cast<size_t>(why)];
    if (last != BootInstant{} && now - last < kTellAgain) return false;
    last = now;
    return true;
}

const char* sentence(Admission why) {
    return why == Admission::blocked ? "the administrator's policy blocks this caller" : "this caller calls too often";
}

}  // namespace sealcall::enclave
