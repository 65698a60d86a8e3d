// Uploads as they are shown: files, and folders with all that is in them as one.

import type { Folder, Sending, State } from './uploads.ts'

/** A folder on its way. */
export interface Group extends Pick<Sending, 'key' | 'name' | 'directory' | 'size' | 'sent' | 'state'> {
  files: number
  done: number
  exists: number
  /** What does not go on by itself. */
  failed: Sending[]
}

/** What a folder does, by what is in it: the first that anything does. */
const ORDER: State[] = ['sending', 'retrying', 'waiting', 'paused', 'exists', 'failed', 'done']

export function grouped(all: readonly Sending[]): (Sending | Group)[] {
  const inside = new Map<Folder, Sending[]>()
  const shown: (Sending | Folder)[] = []
  for (const one of all) {
    const { folder } = one
    if (!folder) {
      shown.push(one)
      continue
    }
    const others = inside.get(folder)
    if (others) others.push(one)
    else {
      inside.set(folder, [one])
      shown.push(folder)
    }
  }
  return shown.map((one) => ('state' in one ? one : summary(one, inside.get(one) ?? [])))
}

function summary({ key, name, directory }: Folder, jobs: readonly Sending[]): Group {
  const count = (state: State) => jobs.filter((job) => job.state === state).length
  const sum = (of: (job: Sending) => number) => jobs.reduce((all, job) => all + of(job), 0)
  return {
    key,
    name,
    directory,
    size: sum((job) => job.size),
    sent: sum((job) => job.sent),
    state: ORDER.find((state) => jobs.some((job) => job.state === state)) ?? 'done',
    files: jobs.length,
    done: count('done'),
    exists: count('exists'),
    failed: jobs.filter((job) => job.state === 'failed'),
  }
}

/** How much of it is there, from 0 to 1; of many empty files, how many. */
export function groupFraction({ sent, size, files, done }: Group): number {
  return size > 0 ? sent / size : files > 0 ? done / files : 1
}
