// Folders of this machine that are to go up: what is in them, up to a bound.

/** Files and folders in one; more are packed, or sent with what was made for it. */
export const MOST = 5000

/** A folder with all that is below it. Names are those of this machine. */
export interface Tree {
  name: string
  /** The folders in which each file is, from the top one's inside on. */
  files: { folders: readonly string[]; file: File }[]
  /** Folders with nothing in them. */
  empty: (readonly string[])[]
}

/** There is more in it than is taken at once. */
export class TooMany extends Error {}

/** What was chosen with `webkitdirectory`: one folder, in which browsers leave out those with nothing in them. */
export function chosenTree(files: readonly File[]): Tree | null {
  if (files.length > MOST) throw new TooMany()
  const name = files[0]?.webkitRelativePath.split('/')[0]
  if (!name) return null
  // A backslash in a name is a slash in the path of some browsers, and itself in the file's own name.
  const inside = ({ name, webkitRelativePath: path }: File) =>
    path.slice(0, -name.length).split('/').slice(1, -1)
  return { name, files: files.map((file) => ({ folders: inside(file), file })), empty: [] }
}

/** What was dropped. */
export async function droppedTree(folder: FileSystemDirectoryEntry): Promise<Tree> {
  const tree: Tree = { name: folder.name, files: [], empty: [] }
  const left: { entry: FileSystemDirectoryEntry; folders: readonly string[] }[] = [
    { entry: folder, folders: [] },
  ]
  let seen = 0
  for (let next = left.pop(); next; next = left.pop()) {
    const { entry, folders } = next
    const inside = await entries(entry, MOST - seen)
    seen += inside.length
    if (inside.length === 0) tree.empty.push(folders)
    for (const one of inside) {
      if (one.isDirectory)
        left.push({ entry: one as FileSystemDirectoryEntry, folders: [...folders, one.name] })
      else tree.files.push({ folders, file: await opened(one as FileSystemFileEntry) })
    }
  }
  return tree
}

/** They come in pieces (File and Directory Entries API, section 7.3): an empty one is the last. */
async function entries(folder: FileSystemDirectoryEntry, most: number): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed))
    if (some.length === 0) return all
    all.push(...some)
    if (all.length > most) throw new TooMany()
  }
}

const opened = (entry: FileSystemFileEntry) => new Promise<File>((done, failed) => entry.file(done, failed))
