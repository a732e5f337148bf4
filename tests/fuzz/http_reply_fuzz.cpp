// SPDX-License-Identifier: MIT
// Any bytes as a peer's answer: the readers come to the same verdict in one piece and byte by byte,
// and never leave it again.
#include "sandbox/probe/fastcgi.hpp"
#include "sandbox/probe/greeting.hpp"
#include "sandbox/probe/http.hpp"
#include "tests/fuzz/fuzz_input.hpp"

namespace {

using gatemend::probe::ReplyState;

template <class Reply>
void read(std::string_view text) {
    Reply whole;
    const ReplyState verdict = whole.take(text);
    Reply pieces;
    ReplyState state = ReplyState::kIncomplete;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const ReplyState next = pieces.take(text.substr(i, 1));
        gatemend::fuzz::require(state == ReplyState::kIncomplete || next == state);
        state = next;
    }
    gatemend::fuzz::require(state == verdict && pieces.status() == whole.status());
    gatemend::fuzz::require(whole.status() <= 999);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    read<gatemend::probe::HttpReply>(text);
    read<gatemend::probe::FastcgiReply>(text);
    (void)gatemend::probe::recognise(text);
    return 0;
}
