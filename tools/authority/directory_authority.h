// EnrolmentService for whoever may write the authority's directory: the same exchange as over the network, in process
// and without a token. The request names the user.
#pragma once

#include "enroller.h"

namespace sealcall::authority {

class DirectoryAuthority : public EnrolmentService {
  public:
    /// Opens the authority's database. Throws DatabaseError or std::runtime_error.
    DirectoryAuthority(const Store& store, Enroller::Clock clock)
        : store_(store),
          registry_(open_database(store.database_url())),
          enroller_(store, registry_, std::move(clock)) {}

    EnrolmentChallenge begin(const EnrolmentRequest& request) override {
        return enroller_.begin(Admission::by_directory(), request);
    }
    EnrolmentGrant finish(const ActivatedCredential& answer) override {
        return enroller_.finish(Admission::by_directory(), answer);
    }

    Bytes bundle() override { return store_.bundle(); }

  private:
    Store store_;
    Registry registry_;
    Enroller enroller_;
};

}  // namespace sealcall::authority
