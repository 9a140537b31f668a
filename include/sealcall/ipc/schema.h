// THE protocol between the processes of one phone: every message, who sends it, and what of it is trusted.
// Codec: codec.h. Which message the enclave takes from whom, in which state: enclave/monitor.cpp. Requests even,
// replies odd. No message returns a key, lowers a policy or names a file.
#pragma once

#include "sealcall/ipc/messages/audio.h"
#include "sealcall/ipc/messages/control.h"
#include "sealcall/ipc/messages/host.h"
#include "sealcall/ipc/messages/person.h"
#include "sealcall/ipc/messages/provisioning.h"
#include "sealcall/ipc/messages/roles.h"
#include "sealcall/ipc/messages/screen.h"
#include "sealcall/ipc/messages/vault.h"
