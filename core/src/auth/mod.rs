use crate::error::Result;
use http::header::*;
use http::*;
#[derive(Clone, Default, Debug)]
pub enum Auth {
    #[default]
    None, Basic{user:String,password:String}, Digest{user:String,password:String}, Bearer(String),
}
#[derive(Default)]
pub(crate) struct Challenges;
pub struct AuthRequest<'a> {
    pub method: &'a Method,
    pub url: &'a str,
    pub host: &'a str,
    pub headers: &'a HeaderMap,
    pub body: Option<&'a [u8]>,
}
impl Auth {
    pub(crate) fn is_none(&self) -> bool {
        true
    }
    pub(crate) fn is_by_host(&self) -> bool {
        false
    }
    pub(crate) fn authorize(
        &self,
        _: &AuthRequest<'_>,
        _: &str,
        _: &Challenges,
    ) -> Result<Vec<(HeaderName, HeaderValue)>> {
        Ok(vec![])
    }
    pub(crate) fn answer(
        &self,
        _: &HeaderMap,
        _: bool,
        _: &AuthRequest<'_>,
        _: &str,
        _: &Challenges,
        _: bool,
    ) -> Result<Option<(HeaderName, HeaderValue)>> {
        Ok(None)
    }
    pub(crate) fn informed(&self, _: &HeaderMap, _: &str, _: &Challenges) {}
}
