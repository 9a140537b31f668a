sealcall_fuzz(tpm_extend_response_fuzz SOURCES tests/fuzz/tpm_extend_response_fuzz.cpp LIBS sealcall::include)
sealcall_fuzz(tpm_certificate_fuzz SOURCES tests/fuzz/tpm_certificate_fuzz.cpp LIBS sealcall::tpm)
