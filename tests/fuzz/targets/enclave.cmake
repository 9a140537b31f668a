sealcall_fuzz(passport_fuzz SOURCES tests/fuzz/passport_fuzz.cpp LIBS sealcall::enclave_core)
