// The last thing a role does before its first input: give up everything it does not need. One table per role
// (profiles.cpp). Shared by all executables of ours: it depends on include/ alone. Nothing here can widen what the
// launcher already took.
#pragma once

#include "sealcall/ipc/schema.h"

namespace sealcall::sandbox {

/// What the audio process works with; its profile depends on it.
enum class AudioUse : uint8_t {
    wav,      ///< inherited files only: nothing can be opened, no socket, no thread
    devices,  ///< a sound server or /dev/snd: Unix sockets, threads, reading the packaged sound configuration
};

/// In this order: no_new_privs, undumpable, no core, end with the parent, Landlock, no capabilities, seccomp allow list
/// that ends the process (all threads). Namespaces and the private root were made by the launcher before exec. audio:
/// `AudioUse::wav`. launcher: no_new_privs, undumpable, fewer capabilities, and a seccomp list of what is never done.
/// Call when libraries are loaded and threads are made; once. A missing Landlock is not an error (old kernel: the
/// launcher warns); a Landlock that refuses is. Errors: not_permitted, io (detail: errno).
Status enter(ipc::ProcessRole role);

/// The part of `enter` that binds threads one by one: no_new_privs, Landlock (nothing), no capabilities. For a role
/// that makes a thread before `enter`: call this first, so that the thread inherits it. Errors: as `enter`.
Status bind_threads();

/// As `enter(ProcessRole::audio)`; with `devices` call it when PortAudio is initialised and its plugins are mapped:
/// afterwards nothing can be mapped executable.
Status enter_audio(AudioUse use);

}  // namespace sealcall::sandbox
