#include "enclave/tpm/worker.h"

#include <poll.h>
#include <signal.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

class WorkerTest : public PhoneTest {
  protected:
    void SetUp() override {
        PhoneTest::SetUp();
        auto worker = Worker::create(std::move(tpm_));
        ASSERT_OK(worker);
        worker_ = std::move(*worker);
    }
    /// Keeps the thread busy until `release()`.
    void block() {
        std::promise<void> started;
        ASSERT_OK(worker_->post(
            Urgency::other,
            [this, &started](Tpm&) {
                started.set_value();
                gate_.get_future().wait();
            },
            nullptr));
        started.get_future().wait();
    }
    void release() { gate_.set_value(); }
    void dispatch_until(const std::function<bool()>& done) {
        const BootInstant until = BootClock::now() + kPatient;
        while (!done() && BootClock::now() < until) {
            pollfd p{worker_->fd(), POLLIN, 0};
            if (::poll(&p, 1, 100) > 0) worker_->dispatch();
        }
        ASSERT_TRUE(done());
    }

    std::unique_ptr<Worker> worker_;
    std::promise<void> gate_;
};

TEST_F(WorkerTest, ResultsComeBackOnTheMainLoop) {
    const auto main_thread = std::this_thread::get_id();
    std::atomic<bool> ran_elsewhere = false;
    Result<Bytes> signature = Error{};
    bool done = false;
    ASSERT_OK(worker_->post(
        Urgency::own_call,
        [&](Tpm& tpm) {
            ran_elsewhere = std::this_thread::get_id() != main_thread;
            signature = tpm.sign_identity({});
        },
        [&] {
            EXPECT_EQ(std::this_thread::get_id(), main_thread);
            done = true;
        }));
    dispatch_until([&] { return done; });
    EXPECT_TRUE(ran_elsewhere);
    ASSERT_OK(signature);
}

TEST_F(WorkerTest, TheMostUrgentGoesFirstAndEqualsInOrder) {
    block();
    std::vector<int> order;  // written by the worker only, read after all are done
    int done = 0;
    const auto post = [&](Urgency u, int number) {
        ASSERT_OK(worker_->post(
            u, [&order, number](Tpm&) { order.push_back(number); }, [&done] { ++done; }));
    };
    post(Urgency::other, 30);
    post(Urgency::contact, 20);
    post(Urgency::own_call, 10);
    post(Urgency::other, 31);
    post(Urgency::keep_alive, 1);
    post(Urgency::own_call, 11);
    post(Urgency::keep_alive, 2);
    EXPECT_EQ(worker_->waiting(), 7U);
    release();
    dispatch_until([&] { return done == 7; });
    EXPECT_EQ(order, (std::vector<int>{1, 2, 10, 11, 20, 30, 31}));
    EXPECT_EQ(worker_->waiting(), 0U);
}

TEST_F(WorkerTest, TheQueueIsBounded) {
    block();
    int done = 0;
    for (int i = 0; i < 64; ++i)
        ASSERT_OK(worker_->post(
            Urgency::other, [](Tpm&) {}, [&] { ++done; }));
    EXPECT_ERROR(worker_->post(
                     Urgency::keep_alive, [](Tpm&) {}, [&] { ++done; }),
                 Errc::unavailable);
    release();
    dispatch_until([&] { return done == 64; });
    ASSERT_OK(worker_->post(
        Urgency::other, [](Tpm&) {}, nullptr));
}

TEST_F(WorkerTest, EndingFinishesTheRunningJobAndDropsTheRest) {
    std::atomic<bool> first_finished = false, second_ran = false;
    std::promise<void> started;
    ASSERT_OK(worker_->post(
        Urgency::other,
        [&](Tpm& tpm) {
            started.set_value();
            std::this_thread::sleep_for(Millis(50));
            first_finished = tpm.sign_identity({}).has_value();
        },
        [] { ADD_FAILURE() << "nobody dispatches"; }));
    started.get_future().wait();
    auto captured = std::make_shared<int>(1);
    ASSERT_OK(worker_->post(
        Urgency::keep_alive, [&second_ran, captured](Tpm&) { second_ran = true; }, nullptr));
    worker_.reset();
    EXPECT_TRUE(first_finished);
    EXPECT_FALSE(second_ran);
    EXPECT_EQ(captured.use_count(), 1);  // and what it held is freed
}

TEST_F(WorkerTest, AHangingTpmDelaysNeitherMainLoopNorEndBeyondTheDeadline) {
    worker_.reset();
    Options o = options();
    o.deadline = Millis(300);
    auto tpm = Tpm::open(swtpm_->connect(), std::move(o));
    ASSERT_OK(tpm);
    ASSERT_OK((*tpm)->load(identity_));
    auto worker = Worker::create(std::move(*tpm));
    ASSERT_OK(worker);
    swtpm_->send_signal(SIGSTOP);
    Error error{};
    ASSERT_OK((*worker)->post(
        Urgency::own_call, [&](Tpm& t) { error = error_of(t.sign_identity({})); }, nullptr));
    const BootInstant start = BootClock::now();
    EXPECT_LE((*worker)->waiting(), 1U);
    EXPECT_LT(BootClock::now() - start, Millis(200));
    std::this_thread::sleep_for(Millis(50));
    worker->reset();
    EXPECT_LT(BootClock::now() - start, Millis(2000));
    EXPECT_EQ(error.code, Errc::tpm_timeout);
}

TEST_F(WorkerTest, ADoneFunctionMayPostTheNextJob) {
    int steps = 0;
    std::function<void()> next = [&] {
        if (++steps < 5) {
            ASSERT_OK(worker_->post(
                Urgency::own_call, [](Tpm&) {}, next));
        }
    };
    ASSERT_OK(worker_->post(
        Urgency::own_call, [](Tpm&) {}, next));
    dispatch_until([&] { return steps == 5; });
}

}  // namespace
}  // namespace sealcall::tpm::test
