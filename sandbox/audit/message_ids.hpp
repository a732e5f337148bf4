// SPDX-License-Identifier: MIT
// MESSAGE_IDs of gatemend's journal entries (`journalctl MESSAGE_ID=...`, catalog texts for
// `journalctl -x`). A public interface: an identifier never changes its meaning and is never used
// again.
#pragma once

#include <string_view>

namespace gatemend::sandbox::message_id {

// an act's intent is on disk; the act starts now
inline constexpr std::string_view kActStarted = "1f8d814a255e42e89f28b1acbb7b3a4e";
// systemd finished the act's job
inline constexpr std::string_view kActDone = "d1f7b45dfd9d4e91b63e5b08d30d639a";
// the act's job failed or did not finish in time
inline constexpr std::string_view kActFailed = "cd32450ebd83408e8e8086023537f247";
// the executor's own checks said no
inline constexpr std::string_view kActRefused = "aa143782e5e341ea93c289c1b0a3df88";
// a breaker tripped: nothing more is done to the unit
inline constexpr std::string_view kLatched = "f82a0b7ba2d94cdfa19f73e9918d1839";
// an operator closed a breaker
inline constexpr std::string_view kLifted = "576b4701419848a3817c6f0a30f7c876";
// a breaker closed itself: somebody else has brought the unit up, and it stayed up
inline constexpr std::string_view kRearmed = "023c71c771554530aaf6c6b26f49f67c";
// an operator paused all acts
inline constexpr std::string_view kPaused = "dbace7ee0c4c461b835cb92a7eeecd0d";
// an operator ended the pause
inline constexpr std::string_view kResumed = "8c2dd487e0eb4809921d1fc9e4053bad";
// an act was under way when the executor died
inline constexpr std::string_view kInterrupted = "f7b47eb723df494d89c0a5d65c444883";
// the record cannot be read or written: observe only
inline constexpr std::string_view kRecordFailed = "bae7c80051414f679211458c36994794";
// a policy was not accepted; the last good set stays
inline constexpr std::string_view kPolicyRejected = "4dd4cc53bc45458fa01cad74414ad6b6";
// the executor started (carries the chain's head)
inline constexpr std::string_view kExecutorStarted = "279d35d654d0489ab8e4c478b9082717";
// what an act left behind was put back
inline constexpr std::string_view kUndone = "c019ebccc5104a2aa563e8ac23925a6a";
// it could not be put back: a person is needed
inline constexpr std::string_view kUndoFailed = "c9ba96ab2f3245bfb2e5defdd91c4c7b";
// an operator said yes to one plan
inline constexpr std::string_view kApproved = "21348f14d0a346dc912c1bcfe83c86a0";
inline constexpr std::string_view kIncidentOpened = "ca183b95c3c746c6bb41bc33f19ab8bb";
inline constexpr std::string_view kIncidentClosed = "af9778b429e942b990b16d5f6430822c";
// gave up: a person is needed
inline constexpr std::string_view kIncidentEscalated = "fdb5341bc7ee4a40a43c907e865dd9ca";
// the cause is known and something forbids the act
inline constexpr std::string_view kIncidentHeld = "c603a45685aa44fe9f195766501dced0";
// `gatemend hold`: no acts while somebody deploys
inline constexpr std::string_view kHoldBegun = "c42c32ccb89e417c87e436bb0e78b669";
inline constexpr std::string_view kHoldEnded = "11d6c64c6ed54cdebbfb375b4a0a433c";
// the command still ran when its hold was over
inline constexpr std::string_view kHoldOutlived = "19b137e38513424eb4b12fb16d147558";
// the head of a record, at least hourly while it grows
inline constexpr std::string_view kAnchored = "9f28207116234c069e3d00109521e1d7";
// an operator has looked at what is wrong with the record, or at what could not be undone
inline constexpr std::string_view kAcknowledged = "4d2efeeceea8454b912c827f1cbbd90a";

}  // namespace gatemend::sandbox::message_id
