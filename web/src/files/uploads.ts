// Files on their way to servers. They go on while one looks at other pages, wait out a lost network, and can be paused.

import { useSyncExternalStore } from 'react'
import { Problem } from '../api/client.ts'
import {
  abandonUpload,
  beginUpload,
  makeDirectory,
  type UploadProgress,
  uploadAddress,
  uploadState,
} from '../api/files.ts'
import type { Tree } from './folders.ts'
import { join, parent, written } from './names.ts'

/** What one request sends: a browser says nothing of how far it is between its own buffers and the server. */
const PIECE = 32 * 1024 * 1024
/** At once; more make none of them faster. */
const AT_ONCE = 2
const TRIES = 12
const LONGEST_WAIT = 30_000
/** While a folder goes up, what is shown of its directory is looked at again no more often. */
const NEWS = 2000

export type State = 'waiting' | 'sending' | 'retrying' | 'paused' | 'exists' | 'failed' | 'done'

export interface Sending {
  key: number
  server: number
  directory: string
  name: string
  size: number
  /** Bytes that are there or on their way. */
  sent: number
  state: State
  problem: Problem | null
  /** The folder that it is in, where one goes up as a whole. */
  folder: Folder | null
}

/** A folder that goes up. */
export interface Folder {
  key: number
  name: string
  /** Where it is to be. */
  directory: string
}

/** What is known of one on its way. */
interface Way extends Folder {
  /** Directories of it that are there, or are being made. */
  made: Map<string, Promise<void>>
  told: number
}

interface Job extends Sending {
  /** Null where it is a directory with nothing in it. */
  file: File | null
  folder: Way | null
  replace: boolean
  upload: string | null
  tries: number
  stop: AbortController | null
}

let jobs: readonly Job[] = []
let last = 0
const listeners = new Set<() => void>()
const doneListeners = new Set<(server: number, directory: string) => void>()

function change(key: number, more: Partial<Job>): void {
  jobs = jobs.map((job) => (job.key === key ? { ...job, ...more } : job))
  for (const listener of listeners) listener()
}

const find = (key: number) => jobs.find((job) => job.key === key)
const runs = (job: Job) => job.state === 'sending' || job.state === 'retrying'

export function fraction({ sent, size, state }: Pick<Sending, 'sent' | 'size' | 'state'>): number {
  return size > 0 ? sent / size : state === 'done' ? 1 : 0
}

export function waitBefore(tries: number): number {
  return Math.min(LONGEST_WAIT, 1000 * 2 ** tries)
}

export function useUploads(server: number): readonly Sending[] {
  const all = useSyncExternalStore(subscribe, () => jobs)
  return all.filter((job) => job.server === server)
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Calls back when a file has come to a directory. */
export function whenDone(listener: (server: number, directory: string) => void): () => void {
  doneListeners.add(listener)
  return () => doneListeners.delete(listener)
}

export function send(server: number, directory: string, files: readonly File[]): void {
  begin(files.map((file) => job(server, directory, { file, folder: null })))
}

/** Sends a folder with all that is in it. */
export function sendFolder(server: number, directory: string, tree: Tree): void {
  last += 1
  const folder: Way = { key: last, name: tree.name, directory, made: new Map(), told: 0 }
  const inside = (folders: readonly string[]) => [tree.name, ...folders].map(written).reduce(join, directory)
  begin([
    ...tree.empty.map((folders) => job(server, inside(folders), { file: null, folder })),
    ...tree.files.map(({ folders, file }) => job(server, inside(folders), { file, folder })),
  ])
}

function job(server: number, directory: string, what: Pick<Job, 'file' | 'folder'>): Job {
  last += 1
  const { name, size } = what.file ?? { name: directory.slice(directory.lastIndexOf('/') + 1), size: 0 }
  const rest = { sent: 0, state: 'waiting', problem: null, replace: false, upload: null, tries: 0 } as const
  return { key: last, server, directory, name, size, stop: null, ...what, ...rest }
}

function begin(added: readonly Job[]): void {
  jobs = [...jobs, ...added]
  window.addEventListener('beforeunload', warn)
  next()
}

/** The browser asks before a page with files on their way is left. */
function warn(event: BeforeUnloadEvent): void {
  if (jobs.some((job) => runs(job) || job.state === 'waiting')) event.preventDefault()
}

/** One file, or all of a folder, by its key. */
const isOf = (key: number) => (job: Job) => job.key === key || job.folder?.key === key

export function pause(key: number): void {
  const paused = jobs.filter((job) => isOf(key)(job) && (runs(job) || job.state === 'waiting'))
  const keys = new Set(paused.map((job) => job.key))
  jobs = jobs.map((job) => (keys.has(job.key) ? { ...job, state: 'paused', stop: null } : job))
  for (const job of paused) job.stop?.abort()
  next()
}

/** Of a folder also what failed, and with `replace` what is there already. */
export function resume(key: number, replace = false): void {
  const states: State[] = replace ? ['exists'] : ['paused', 'failed']
  for (const { folder } of jobs.filter(isOf(key))) folder?.made.clear()
  jobs = jobs.map((job) =>
    isOf(key)(job) && states.includes(job.state)
      ? { ...job, state: 'waiting', tries: 0, problem: null, replace: replace || job.replace }
      : job,
  )
  next()
}

/** What is there already stays as it is; the rest of the folder goes up. */
export function leaveThere(key: number): void {
  jobs = jobs.filter((job) => !(isOf(key)(job) && job.state === 'exists'))
  next()
}

/** Out of the list, and off the server what has come of it. Files that are whole stay there. */
export function giveUp(key: number): void {
  const given = jobs.filter(isOf(key))
  jobs = jobs.filter((job) => !isOf(key)(job))
  for (const { stop, upload, state, server } of given) {
    stop?.abort()
    // What cannot be removed now is removed later by the server itself.
    if (upload && state !== 'done') abandonUpload(server, upload).catch(() => {})
  }
  next()
}

export function forgetDone(server: number): void {
  const going = new Set(jobs.map((job) => (job.state === 'done' ? null : job.folder)))
  // Of a folder on its way it is known how much of it is there.
  const over = (job: Job) => job.state === 'done' && !(job.folder && going.has(job.folder))
  jobs = jobs.filter((job) => job.server !== server || !over(job))
  for (const listener of listeners) listener()
}

function next(): void {
  for (const listener of listeners) listener()
  const free = AT_ONCE - jobs.filter(runs).length
  for (const job of jobs.filter(({ state }) => state === 'waiting').slice(0, Math.max(0, free))) {
    const stop = new AbortController()
    change(job.key, { state: 'sending', stop })
    void run(job.key, stop.signal).finally(next)
  }
}

async function run(key: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      if (await whole(key, signal)) return
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof Problem)) throw error
      const job = find(key)
      if (!job) return
      if (error.kind === 'upload_not_found') {
        change(key, { upload: null })
      } else if (error.kind === 'file_exists') {
        return change(key, { state: 'exists', problem: null, stop: null })
      } else if (!passes(error)) {
        return change(key, { state: 'failed', problem: error, stop: null })
      }
      if (job.tries >= TRIES) return change(key, { state: 'failed', problem: error, stop: null })
      change(key, { state: 'retrying', problem: error, tries: job.tries + 1 })
      await wait(waitBefore(job.tries), signal)
      if (signal.aborted) return
      change(key, { state: 'sending' })
    }
  }
}

/** What may be otherwise in a moment without anybody doing anything. */
function passes({ status, kind }: Problem): boolean {
  return [0, 408, 429, 502, 503, 504].includes(status) || kind === 'upload_offset'
}

function wait(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', over)
      window.removeEventListener('online', over)
      resolve()
    }
    const timer = setTimeout(over, time)
    signal.addEventListener('abort', over)
    window.addEventListener('online', over)
  })
}

/** Sends what is not there yet; whether the file is whole. */
async function whole(key: number, signal: AbortSignal): Promise<boolean> {
  const job = find(key)
  if (!job || signal.aborted) return true
  const { server, directory, file, folder, replace } = job
  if (folder) await make(server, directory, folder)
  if (!file || signal.aborted) {
    if (!signal.aborted) finished(key)
    return true
  }
  let upload = job.upload
  let offset: number
  if (upload === null) {
    const path = join(directory, written(file.name))
    const begun = await beginUpload(server, {
      path,
      size: file.size,
      tag: String(file.lastModified),
      replace,
    })
    ;({ id: upload, offset } = begun)
  } else {
    ;({ offset } = await uploadState(server, upload))
  }
  change(key, { upload, sent: offset })
  for (;;) {
    if (signal.aborted) return true
    const progress = await piece(key, [server, upload], { file, offset, signal })
    offset = progress.offset
    change(key, { sent: offset, tries: 0, problem: null })
    if (!progress.done) continue
    finished(key)
    return true
  }
}

/** Makes a directory of a folder, and those that it is in, once. */
function make(server: number, path: string, folder: Way): Promise<void> {
  if (path === folder.directory) return Promise.resolve()
  const there = folder.made.get(path)
  if (there) return there
  const making = make(server, parent(path), folder).then(() =>
    makeDirectory(server, path).catch((error) => {
      // A file of that name is told by what is to be in it.
      if (!(error instanceof Problem && error.kind === 'file_exists')) throw error
    }),
  )
  folder.made.set(path, making)
  // What cannot be made is tried once, and not for each file in it.
  making.catch((error) => {
    if (error instanceof Problem && passes(error)) folder.made.delete(path)
  })
  return making
}

function finished(key: number): void {
  change(key, { state: 'done', stop: null })
  const job = find(key)
  if (!job) return
  const { server, directory, folder } = job
  if (folder) {
    const now = Date.now()
    if (now - folder.told < NEWS && jobs.some((one) => one.folder === folder && one.state !== 'done')) return
    folder.told = now
    for (const listener of doneListeners) listener(server, folder.directory)
  }
  for (const listener of doneListeners) listener(server, directory)
}

/** With the old way to send: the newer one does not tell how far it is. */
function piece(
  key: number,
  [server, upload]: [number, string],
  { file, offset, signal }: { file: File; offset: number; signal: AbortSignal },
): Promise<UploadProgress> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest()
    request.open('PATCH', uploadAddress(server, upload))
    request.setRequestHeader('upload-offset', String(offset))
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.responseType = 'json'
    request.upload.onprogress = ({ loaded }) => change(key, { sent: offset + loaded })
    const stop = () => request.abort()
    signal.addEventListener('abort', stop)
    request.onloadend = () => {
      signal.removeEventListener('abort', stop)
      const { status, response } = request
      if (status === 200 && response) return done(response)
      const kind = /^urn:bastide:problem:(\w+)$/.exec(response?.type ?? '')?.[1] ?? ''
      failed(new Problem(status, response?.detail ?? '', { kind, requestId: response?.request_id ?? null }))
    }
    request.send(file.slice(offset, offset + PIECE))
  })
}
