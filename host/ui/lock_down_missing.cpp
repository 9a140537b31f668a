#include <cstdio>

#include "host/ui/lock_down.h"

namespace sealcall::ui {

Status lock_down() {
    std::fprintf(stderr, "event=no_sandbox role=ui why=\"built without sealcall_sandbox\"\n");
    return {};
}

}  // namespace sealcall::ui
