#include "enclave/tpm/worker.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "enclave/tpm/policy_digest.h"

namespace sealcall::tpm {

namespace {

constexpr size_t kWaitingMax = 64;
constexpr size_t kUrgencies = 4;

struct Job {
    std::function<void(Tpm&)> run;
    std::function<void()> done;
};

class ThreadWorker final : public Worker {
  public:
    ThreadWorker(std::unique_ptr<Tpm> tpm, UniqueFd event) : tpm_(std::move(tpm)), event_(std::move(event)) {}
    ~ThreadWorker() override;
    Status start();

    Status post(Urgency urgency, std::function<void(Tpm&)> job, std::function<void()> done) override;
    int fd() const override { return event_.get(); }
    void dispatch() override;
    size_t waiting() const override;

  private:
    static void* entry(void* self);
    void loop();
    bool next(Job& job);
    void finished(Job& job);

    std::unique_ptr<Tpm> tpm_;  // moves to the thread
    UniqueFd event_;
    pthread_t thread_{};
    bool started_ = false;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::array<std::deque<Job>, kUrgencies> queues_;
    std::deque<std::function<void()>> done_;
    size_t waiting_ = 0;
    bool warm_ = false;
    bool ending_ = false;
};

ThreadWorker::~ThreadWorker() {
    if (!started_) return;
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    CHECK(::pthread_join(thread_, nullptr) == 0);
}

// Returns when the thread has done once what libraries do lazily (own heap, random generator, hash), so that a sandbox
// may close behind it.
Status ThreadWorker::start() {
    if (const int e = ::pthread_create(&thread_, nullptr, &ThreadWorker::entry, this); e != 0)
        return Error{Errc::io, "pthread_create", static_cast<uint32_t>(e)};
    started_ = true;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return warm_; });
    return {};
}

void* ThreadWorker::entry(void* self) {
    static_cast<ThreadWorker*>(self)->loop();
    return nullptr;
}

void ThreadWorker::loop() {
    const std::unique_ptr<Tpm> tpm = std::move(tpm_);
    std::array<uint8_t, 16> random{};
    CHECK(RAND_bytes(random.data(), random.size()) == 1);
    CHECK(RAND_priv_bytes(random.data(), random.size()) == 1);
    static_cast<void>(sha256(std::as_bytes(std::span(random))));
    {
        const std::lock_guard lock(mutex_);
        warm_ = true;
    }
    changed_.notify_all();
    for (Job job; next(job); job = {}) {
        job.run(*tpm);
        job.run = nullptr;  // what it captured ends on this thread
        finished(job);
    }
}

bool ThreadWorker::next(Job& job) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ending_ || waiting_ > 0; });
    if (ending_) return false;
    for (auto& queue : queues_) {
        if (queue.empty()) continue;
        job = std::move(queue.front());
        queue.pop_front();
        --waiting_;
        return true;
    }
    CHECK(false);
    return false;
}

void ThreadWorker::finished(Job& job) {
    {
        const std::lock_guard lock(mutex_);
        done_.push_back(std::move(job.done));
    }
    const uint64_t one = 1;
    // EAGAIN: the count is full, so the descriptor is readable anyway.
    CHECK(::write(event_.get(), &one, sizeof(one)) == sizeof(one) || errno == EAGAIN);
}

Status ThreadWorker::post(Urgency urgency, std::function<void(Tpm&)> job, std::function<void()> done) {
    CHECK(job != nullptr);
    {
        const std::lock_guard lock(mutex_);
        if (waiting_ >= kWaitingMax) return Error{Errc::unavailable, "the TPM's queue is full", kWaitingMax};
        queues_[static_cast<size_t>(urgency)].push_back({std::move(job), std::move(done)});
        ++waiting_;
    }
    changed_.notify_one();
    return {};
}

void ThreadWorker::dispatch() {
    uint64_t count = 0;
    CHECK(::read(event_.get(), &count, sizeof(count)) == sizeof(count) || errno == EAGAIN);
    std::deque<std::function<void()>> ready;
    {
        const std::lock_guard lock(mutex_);
        ready.swap(done_);
    }
    for (auto& done : ready)
        if (done) done();
}

size_t ThreadWorker::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::create(std::unique_ptr<Tpm> tpm) {
    CHECK(tpm != nullptr);
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.valid()) return Error{Errc::io, "eventfd", static_cast<uint32_t>(errno)};
    auto worker = std::make_unique<ThreadWorker>(std::move(tpm), std::move(event));
    TRY_STATUS(worker->start());
    return std::unique_ptr<Worker>(std::move(worker));
}

}  // namespace sealcall::tpm
