// The usual build: no sanitizer, nothing besides the tables of profiles.cpp.
#include "enclave/sandbox/profiles.h"

namespace sealcall::sandbox {

Table sanitizer_table() { return {}; }

}  // namespace sealcall::sandbox
