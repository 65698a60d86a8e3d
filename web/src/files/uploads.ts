// Files on their way to servers. They go on while one looks at other pages, wait out a lost network, and can be paused.

import { useSyncExternalStore } from 'react'
import { Problem } from '../api/client.ts'
import { abandonUpload, beginUpload, type UploadProgress, uploadAddress, uploadState } from '../api/files.ts'
import { join, written } from './names.ts'

/** What one request sends: a browser says nothing of how far it is between its own buffers and the server. */
const PIECE = 32 * 1024 * 1024
/** At once; more make none of them faster. */
const AT_ONCE = 2
const TRIES = 12
const LONGEST_WAIT = 30_000

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
}

interface Job extends Sending {
  file: File
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
  const added = files.map((file): Job => {
    last += 1
    const { name, size } = file
    const rest = { sent: 0, state: 'waiting', problem: null, replace: false, upload: null, tries: 0 } as const
    return { key: last, server, directory, name, size, file, stop: null, ...rest }
  })
  jobs = [...jobs, ...added]
  window.addEventListener('beforeunload', warn)
  next()
}

/** The browser asks before a page with files on their way is left. */
function warn(event: BeforeUnloadEvent): void {
  if (jobs.some((job) => runs(job) || job.state === 'waiting')) event.preventDefault()
}

export function pause(key: number): void {
  const job = find(key)
  change(key, { state: 'paused', stop: null })
  job?.stop?.abort()
  next()
}

export function resume(key: number, replace = false): void {
  const job = find(key)
  if (!job || runs(job)) return
  change(key, { state: 'waiting', tries: 0, problem: null, replace: replace || job.replace })
  next()
}

/** Out of the list, and off the server what has come of it. */
export function giveUp(key: number): void {
  const job = find(key)
  if (!job) return
  jobs = jobs.filter((one) => one !== job)
  for (const listener of listeners) listener()
  job.stop?.abort()
  // What cannot be removed now is removed later by the server itself.
  if (job.upload && job.state !== 'done') abandonUpload(job.server, job.upload).catch(() => {})
  next()
}

export function forgetDone(server: number): void {
  jobs = jobs.filter((job) => job.server !== server || job.state !== 'done')
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
  return [0, 408, 502, 503, 504].includes(status) || kind === 'upload_offset'
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
  const { server, directory, file, replace } = job
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
    change(key, { state: 'done', stop: null })
    for (const listener of doneListeners) listener(server, directory)
    return true
  }
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
