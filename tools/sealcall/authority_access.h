// The authority's rules on this machine, for commands: whoever may write the directory acts as its keeper, and the
// audit trail says which user that was.
#pragma once

#include "administration.h"
#include "sealcall/base/time.h"

namespace sealcall::cli {

struct LocalAuthority {
    /// Throws DatabaseError.
    explicit LocalAuthority(authority::Store opened)
        : store(std::move(opened)),
          registry(authority::open_database(store.database_url())),
          administration(store, registry, wall_ms),
          actor(local_actor()) {}

    authority::Store store;
    authority::Registry registry;
    authority::Administration administration;
    authority::Actor actor;

  private:
    static authority::Actor local_actor();
};

}  // namespace sealcall::cli
