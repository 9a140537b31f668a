sealcall_fuzz(passport_fuzz SOURCES tests/fuzz/passport_fuzz.cpp LIBS sealcall::enclave_core)
sealcall_fuzz(vault_fuzz SOURCES tests/fuzz/vault_fuzz.cpp LIBS sealcall::vault)
