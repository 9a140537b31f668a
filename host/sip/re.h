// The one door to libre: its headers, an owner for its reference-counted memory, and timers. libre is not thread safe;
// everything in host/ runs on the thread that runs re_main().
#pragma once

extern "C" {
#include <re.h>
}

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sealcall/base/bytes.h"

namespace sealcall::host {

/// Owns one reference to an object made by libre.
template <class T>
class ReRef {
  public:
    ReRef() = default;
    /// Takes over a reference that the caller holds.
    explicit ReRef(T* owned) : p_(owned) {}
    ReRef(const ReRef&) = delete;
    ReRef& operator=(const ReRef&) = delete;
    ReRef(ReRef&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    ReRef& operator=(ReRef&& o) noexcept {
        if (this != &o) {
            reset();
            p_ = std::exchange(o.p_, nullptr);
        }
        return *this;
    }
    ~ReRef() { reset(); }
    /// Adds a reference of our own. libre hands messages out as const, but counts references in them.
    static ReRef share(const T* p) { return ReRef(static_cast<T*>(mem_ref(const_cast<T*>(p)))); }
    [[nodiscard]] T* get() const { return p_; }
    T* operator->() const { return p_; }
    explicit operator bool() const { return p_ != nullptr; }
    /// For functions of libre that store a new object through a pointer.
    T** out() {
        reset();
        return &p_;
    }
    void reset() { mem_deref(std::exchange(p_, nullptr)); }

  private:
    T* p_ = nullptr;
};

inline std::string_view view(const pl& p) { return p.p ? std::string_view(p.p, p.l) : std::string_view(); }
inline std::string text(const pl& p) { return std::string(view(p)); }
inline pl to_pl(std::string_view s) { return pl{s.data(), s.size()}; }
inline ByteSpan left_of(const mbuf* mb) {
    return mb ? std::as_bytes(std::span(mbuf_buf(mb), mbuf_get_left(mb))) : ByteSpan();
}
std::string to_text(const sa& address);  ///< "192.0.2.1:5061", "[2001:db8::1]:5061"

/// One shot; may be started again from within its own callback. Cancelled by destruction.
class Timer {
  public:
    Timer() { tmr_init(&t_); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { tmr_cancel(&t_); }
    void start(uint64_t ms, std::function<void()> then) {
        then_ = std::move(then);
        tmr_start(&t_, ms, &Timer::fired, this);
    }
    void cancel() { tmr_cancel(&t_); }
    [[nodiscard]] bool running() const { return tmr_isrunning(&t_); }

  private:
    static void fired(void* self) {
        auto then = std::exchange(static_cast<Timer*>(self)->then_, nullptr);
        if (then) then();  // may destroy *self
    }
    tmr t_{};
    std::function<void()> then_;
};

/// Lets callbacks that libre keeps find out that their owner is gone. The shared_ptr is that flag and owns nothing
/// else.
class Lifetime {
  public:
    template <class F>
    auto guard(F f) const {
        return [w = std::weak_ptr<char>(alive_), f = std::move(f)](auto&&... a) {
            if (!w.expired()) f(std::forward<decltype(a)>(a)...);
        };
    }
    [[nodiscard]] std::weak_ptr<char> watch() const { return alive_; }

  private:
    std::shared_ptr<char> alive_ = std::make_shared<char>('\0');
};

}  // namespace sealcall::host
