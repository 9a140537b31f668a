// The database of an authority behind one lock: opens and migrates it, runs transactions, tries again when another
// writer was in the way. What stands in it is in records.h and audit_trail.h. Any thread.
#pragma once

#include <chrono>
#include <mutex>
#include <thread>

#include "schema.h"

namespace sealcall::authority {

class Registry {
  public:
    /// Throws DatabaseError.
    explicit Registry(std::unique_ptr<Database> database) : database_(std::move(database)) { migrate(*database_); }

    /// Runs `f(Database&)` in a transaction; it may run more than once, so it does nothing outside of the database
    /// that may not happen twice. An exception rolls back. Throws DatabaseError.
    template <class F>
    auto write(F f) {
        const std::scoped_lock lock(mutex_);
        for (int left = kTries;; --left) {
            try {
                Transaction transaction(*database_);
                auto out = f(*database_);
                transaction.commit();
                return out;
            } catch (const DatabaseError& error) {
                if (error.kind() == DatabaseError::Kind::lost) database_->reconnect();
                if (error.kind() != DatabaseError::Kind::busy || left == 0) throw;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }

    /// Runs `f(Database&)` without a transaction: reading.
    template <class F>
    auto read(F f) {
        const std::scoped_lock lock(mutex_);
        try {
            return f(*database_);
        } catch (const DatabaseError& error) {
            if (error.kind() != DatabaseError::Kind::lost) throw;
        }
        database_->reconnect();
        return f(*database_);
    }

  private:
    static constexpr int kTries = 8;
    std::mutex mutex_;
    std::unique_ptr<Database> database_;
};

}  // namespace sealcall::authority
