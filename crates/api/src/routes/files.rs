//! The routes of files of servers.

use axum::http::Method;
use axum::routing::{MethodFilter, on};
use bastide_app::files::{Begun as UploadBegun, File as RemoteFile, List as FileList, Text as FileText};

use super::{Access, Route};
use crate::openapi::operation::says;
use crate::{files, server};

#[rustfmt::skip]
pub(super) fn about_files() -> Vec<Route> {
    vec![
        route!(Login GET "/api/v1/servers/{id}/files" files::file_list,
            says("What is in a directory of a server, by name").id::<i64>("id").query::<files::Wanted>().gives::<FileList>(200).may(&[409, 422, 502])),
        route!(Login GET "/api/v1/servers/{id}/files/stat" files::file_get,
            says("What is known of one file of a server; of a link, of itself").id::<i64>("id").query::<files::Place>().gives::<RemoteFile>(200).may(&[422, 502])),
        route!(Login GET "/api/v1/servers/{id}/files/content" files::file_content,
            says("A file of a server, or a part of it").id::<i64>("id").query::<files::Place>().gives_text(200, "application/octet-stream").gives_text(206, "application/octet-stream").gives_nothing(304).may(&[409, 416, 422, 502])),
        route!(Login GET "/api/v1/servers/{id}/files/archive" files::file_archive,
            says("A directory of a server with all that is in it, as one file").id::<i64>("id").query::<files::Packed>().gives_text(200, "application/gzip").gives_text(200, "application/zip").may(&[409, 422, 502])),
        route!(Login GET "/api/v1/servers/{id}/files/text" files::file_text,
            says("A small file of a server as text").id::<i64>("id").query::<files::Place>().gives::<FileText>(200).may(&[409, 413, 415, 422, 502])),
        route!(Login PUT "/api/v1/servers/{id}/files/text" files::file_text_change,
            says("Put a text in the place of one that was seen, or where there is none").id::<i64>("id").takes::<files::NewText>().gives::<FileText>(200).may(&[409, 412, 502, 507])).up_to(server::MAX_TEXT_BODY),
        route!(Login POST "/api/v1/servers/{id}/files/mkdir" files::file_mkdir,
            says("Make a directory on a server").id::<i64>("id").takes::<files::Mkdir>().gives_nothing(204).may(&[409, 502, 507])),
        route!(Login POST "/api/v1/servers/{id}/files/rename" files::file_rename,
            says("Give a file or directory of a server another name or place").id::<i64>("id").takes::<files::Rename>().gives_nothing(204).may(&[409, 502])),
        route!(Login POST "/api/v1/servers/{id}/files/chmod" files::file_chmod,
            says("Set the permissions of a file or directory of a server").id::<i64>("id").takes::<files::Chmod>().gives_nothing(204).may(&[409, 502])),
        route!(Login POST "/api/v1/servers/{id}/files/remove" files::file_remove,
            says("Remove a file or directory of a server").id::<i64>("id").takes::<files::Remove>().gives_nothing(204).may(&[409, 502])),
        route!(Login POST "/api/v1/servers/{id}/files/uploads" files::upload_begin,
            says("Begin to send a file to a server, or go on with it").id::<i64>("id").takes::<files::NewUpload>().gives::<UploadBegun>(201).may(&[409, 502, 507])),
        route!(Login GET "/api/v1/servers/{id}/files/uploads/{upload}" files::upload_get,
            says("How much of a file is there; also as headers").id::<i64>("id").id::<String>("upload").gives::<files::Progress>(200)),
        route!(Login PATCH "/api/v1/servers/{id}/files/uploads/{upload}" files::upload_append,
            says("The next piece of a file; its first byte is the one that the header upload-offset says").id::<i64>("id").id::<String>("upload").takes_bytes().gives::<files::Progress>(200).may(&[409, 502, 507])),
        route!(Login DELETE "/api/v1/servers/{id}/files/uploads/{upload}" files::upload_abandon,
            says("Give up sending a file; what has come of it is removed").id::<i64>("id").id::<String>("upload").gives_nothing(204).may(&[502])),
    ]
}
