#include "enclave/log_fetch.h"

#include <algorithm>

#include "attestation/binding.h"

namespace sealcall::enclave {

LogBytes LogCache::find(const Digest& device, rats::LogKind kind) const {
    for (const Entry& e : entries_)
        if (e.device == device && e.kind == kind) return e.log;
    return {};
}

void LogCache::keep(const Digest& device, rats::LogKind kind, LogBytes log) {
    std::erase_if(entries_, [&](const Entry& e) { return e.device == device && e.kind == kind; });
    entries_.push_back({.device = device, .kind = kind, .log = std::move(log)});
    size_t total = 0;
    for (const Entry& e : entries_) total += e.log->size();
    while (entries_.size() > kEntriesMax || (total > kBytesMax && entries_.size() > 1)) {
        total -= entries_.front().log->size();
        entries_.pop_front();
    }
}

LogFetch::LogFetch(LogCache& cache, const Digest& device, rats::LogOffer boot, rats::LogOffer runtime)
    : cache_(cache), device_(device) {
    wanted_[0].kind = rats::LogKind::boot;
    wanted_[1].kind = rats::LogKind::runtime;
    // What is larger than a call carries is not asked for: it counts as withheld.
    if (boot.size <= rats::kBootLogMax) wanted_[0].offer = boot;
    if (runtime.size <= rats::kRuntimeLogMax) wanted_[1].offer = runtime;
    for (Wanted& w : wanted_) begin(w, cache.find(device, w.kind));
}

void LogFetch::begin(Wanted& wanted, LogBytes cached) {
    wanted.done = wanted.offer.size == 0;
    if (wanted.done || !cached || cached->size() > wanted.offer.size) return;
    wanted.from_cache = true;
    if (cached->size() == wanted.offer.size && attestation::sha256(*cached) == wanted.offer.digest) {
        wanted.log = std::move(cached);
        wanted.done = true;
    } else if (cached->size() < wanted.offer.size && wanted.kind == rats::LogKind::runtime) {
        wanted.bytes = *cached;
    } else {
        wanted.from_cache = false;
    }
}

bool LogFetch::complete() const {
    return std::ranges::all_of(wanted_, [](const Wanted& w) { return w.done; });
}

std::optional<rats::LogRequest> LogFetch::next() {
    const auto w = std::ranges::find_if(wanted_, [](const Wanted& each) { return !each.done; });
    if (w == wanted_.end() || w->bytes.size() < w->asked_until) return {};
    w->asked_until = std::min<size_t>(w->offer.size, w->bytes.size() + rats::kLogWindow);
    return rats::LogRequest{.kind = w->kind, .offset = static_cast<uint32_t>(w->bytes.size())};
}

Status LogFetch::on_part(const rats::LogPart& part) {
    const auto w = std::ranges::find_if(wanted_, [](const Wanted& each) { return !each.done; });
    if (w == wanted_.end() || w->kind != part.kind || w->bytes.size() != part.offset)
        return Error{Errc::wrong_state, "a log nobody asked for", part.offset};
    if (part.bytes.empty()) {  // not for us: withheld
        w->bytes = {};
        w->done = true;
        return {};
    }
    if (w->bytes.size() + part.bytes.size() > w->asked_until) return Error{Errc::too_large, "log", part.offset};
    const ByteSpan b = part.bytes.view();
    w->bytes.insert(w->bytes.end(), b.begin(), b.end());
    return w->bytes.size() == w->offer.size ? finish(*w) : Status{};
}

Status LogFetch::finish(Wanted& wanted) {
    if (attestation::sha256(wanted.bytes) != wanted.offer.digest) {
        // After a restart the list begins anew and may be longer than the one we knew: once more, from its beginning.
        if (!wanted.from_cache) return Error{Errc::bad_evidence, "log is not the one that was offered", 0};
        wanted.from_cache = false;
        wanted.bytes = {};
        wanted.asked_until = 0;
        return {};
    }
    wanted.log = std::make_shared<const Bytes>(std::move(wanted.bytes));
    wanted.bytes = {};
    wanted.done = true;
    cache_.keep(device_, wanted.kind, wanted.log);
    return {};
}

size_t LogFetch::outstanding() const {
    size_t sum = 0;
    for (const Wanted& w : wanted_)
        if (!w.done) sum += w.offer.size;  // not less what is there: a list that began anew is fetched whole
    return sum;
}

}  // namespace sealcall::enclave
