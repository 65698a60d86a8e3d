// Files of a server. Names and paths have a written form (docs/guide/files.md): see ../files/names.ts.

import { id, json, nothing } from './client.ts'

export type FileKind = 'file' | 'directory' | 'link' | 'other'

export interface RemoteFile {
  name: string
  kind: FileKind
  leads_to: FileKind | null
  size: number | null
  modified: string | null
  mode: number | null
  uid: number | null
  gid: number | null
}

export interface Directory {
  path: string
  files: RemoteFile[]
  /** There are more than are shown. */
  truncated: boolean
  free: number | null
}

export interface FileText {
  text: string
  etag: string
  /** Where it really is, links followed. */
  path: string
}

const of = (server: number) => `/api/v1/servers/${id(server)}/files`
const at = (server: number, what: string, path: string, more = {}) =>
  `${of(server)}${what}?${new URLSearchParams({ path, ...more })}`

const PAGE = 5000
/** More than this nobody reads. */
const MOST = 20_000

export async function listDirectory(server: number, path: string): Promise<Directory> {
  const files: RemoteFile[] = []
  let cursor = ''
  for (;;) {
    const more = { limit: String(PAGE), ...(cursor && { cursor }) }
    const page = await json<Directory & { next: string | null }>('GET', at(server, '', path, more))
    files.push(...page.files)
    const { next, ...rest } = page
    if (!next) return { ...rest, files }
    if (files.length >= MOST) return { ...rest, files, truncated: true }
    cursor = next
  }
}

export const contentAddress = (server: number, path: string) => at(server, '/content', path)
export const archiveAddress = (server: number, path: string, format: 'tar.gz' | 'zip') =>
  at(server, '/archive', path, { format })

export const makeDirectory = (server: number, path: string) =>
  nothing('POST', `${of(server)}/mkdir`, { path })
export const renameFile = (server: number, path: string, to: string) =>
  nothing('POST', `${of(server)}/rename`, { path, to })
export const setMode = (server: number, path: string, mode: number) =>
  nothing('POST', `${of(server)}/chmod`, { path, mode })
export const removeFile = (server: number, path: string, all: boolean) =>
  nothing('POST', `${of(server)}/remove`, { path, all })
export const readText = (server: number, path: string) => json<FileText>('GET', at(server, '/text', path))
export const writeText = (server: number, path: string, text: string, etag: string) =>
  json<FileText>('PUT', `${of(server)}/text`, { path, text, etag })

export interface UploadBegun {
  id: string
  offset: number
  size: number
  path: string
}

export interface UploadProgress {
  offset: number
  size: number
  done: boolean
}

export const beginUpload = (
  server: number,
  upload: { path: string; size: number; tag: string; replace: boolean },
) => json<UploadBegun>('POST', `${of(server)}/uploads`, upload)
export const uploadAddress = (server: number, upload: string) => `${of(server)}/uploads/${id(upload)}`
export const uploadState = (server: number, upload: string) =>
  json<UploadProgress>('GET', uploadAddress(server, upload))
export const abandonUpload = (server: number, upload: string) =>
  nothing('DELETE', uploadAddress(server, upload))
