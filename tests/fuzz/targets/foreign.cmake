sealcall_fuzz(foreign_tpm_fuzz SOURCES tests/fuzz/foreign_tpm_fuzz.cpp LIBS sealcall::foreign)
sealcall_fuzz(ear_jwt_fuzz SOURCES tests/fuzz/ear_jwt_fuzz.cpp LIBS sealcall::foreign)
sealcall_fuzz(jose_key_fuzz SOURCES tests/fuzz/jose_key_fuzz.cpp LIBS sealcall::foreign)
sealcall_fuzz(corim_fuzz SOURCES tests/fuzz/corim_fuzz.cpp LIBS sealcall::foreign)
