//! The kinds of handles.

/// What a handle leads to. Never 0, so that no handle is NULL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tag {
    ManagerOptions = 1,
    Manager = 2,
    RequestOptions = 3,
    Request = 4,
    Statistics = 5,
    Part = 6,
    Attempt = 7,
    AuthRequest = 8,
    CookieJar = 9,
    Url = 10,
    Multipart = 11,
    Lines = 12,
    Sse = 13,
    Har = 14,
    Resolve = 15,
    TextDecoder = 16,
    Engine = 17,
    Upload = 18,
    Answer = 19,
    Handshake = 20,
}

impl Tag {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tag::ManagerOptions => "trunk_manager_options",
            Tag::Manager => "trunk_manager",
            Tag::RequestOptions => "trunk_request_options",
            Tag::Request => "trunk_request",
            Tag::Statistics => "trunk_statistics",
            Tag::Part => "trunk_part",
            Tag::Attempt => "trunk_attempt",
            Tag::AuthRequest => "trunk_auth_request",
            Tag::CookieJar => "trunk_cookie_jar",
            Tag::Url => "trunk_url",
            Tag::Multipart => "trunk_multipart",
            Tag::Lines => "trunk_lines",
            Tag::Sse => "trunk_sse",
            Tag::Har => "trunk_har",
            Tag::Resolve => "trunk_resolve",
            Tag::TextDecoder => "trunk_text_decoder",
            Tag::Engine => "trunk_engine",
            Tag::Upload => "trunk_upload",
            Tag::Answer => "trunk_answer",
            Tag::Handshake => "trunk_handshake",
        }
    }
}
