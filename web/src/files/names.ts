// Paths of a server, in their written form: a backslash is `\\`, and `\xNN` a byte that is no text or not seen.

import type { RemoteFile } from '../api/files.ts'

/** A name of this machine in that form. */
export function written(name: string): string {
  const hidden = /[\\\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu
  const bytes = new TextEncoder()
  return name.replace(hidden, (one) =>
    one === '\\'
      ? '\\\\'
      : [...bytes.encode(one)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}

export function join(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`
}

export function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** The directories that lead to one, from the root on. */
export function crumbs(path: string): { name: string; path: string }[] {
  const names = path.split('/').filter(Boolean)
  return names.map((name, at) => ({ name, path: `/${names.slice(0, at + 1).join('/')}` }))
}

/** What happens when it is opened. */
export function isDirectory(file: RemoteFile): boolean {
  return file.kind === 'directory' || (file.kind === 'link' && file.leads_to === 'directory')
}

export function isFile(file: RemoteFile): boolean {
  return file.kind === 'file' || (file.kind === 'link' && file.leads_to === 'file')
}

/** As `ls -l` shows them: `rwxr-x---`. */
export function modeWords(mode: number): string {
  const bits = [...'rwxrwxrwx'].map((letter, at) => (mode & (1 << (8 - at)) ? letter : '-'))
  const special: [number, number, string][] = [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ]
  for (const [bit, at, letter] of special) {
    if (mode & bit) bits[at] = bits[at] === 'x' ? letter : letter.toUpperCase()
  }
  return bits.join('')
}

export const octal = (mode: number) => mode.toString(8).padStart(4, '0')

/** Null where it is none. */
export function readOctal(text: string): number | null {
  return /^[0-7]{3,4}$/.test(text.trim()) ? Number.parseInt(text.trim(), 8) : null
}

export type Sort = 'name' | 'size' | 'modified'

/** Directories first; the same in either direction. */
export function sorted(files: readonly RemoteFile[], by: Sort, down: boolean): RemoteFile[] {
  const names = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })
  const weigh = (file: RemoteFile) => {
    if (by === 'size') return file.size ?? 0
    // What has no time is the oldest.
    if (by === 'modified') return file.modified ? Date.parse(file.modified) : 0
    return 0
  }
  const weighed = files.map((file) => ({ file, first: isDirectory(file), weight: weigh(file) }))
  weighed.sort((one, other) => {
    const first = Number(other.first) - Number(one.first)
    const inOrder = one.weight - other.weight || names.compare(one.file.name, other.file.name)
    return first || inOrder * (down ? -1 : 1)
  })
  return weighed.map(({ file }) => file)
}
