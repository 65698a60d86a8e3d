import { type ReactNode, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Notice } from '../parts/notice.tsx'
import { chosenTree, droppedTree, MOST, TooMany } from './folders.ts'
import { send, sendFolder } from './uploads.ts'

/** Opens what the browser has to choose with. */
export interface Pick {
  files: () => void
  folder: () => void
}

/** Takes files and folders that are dropped on it or chosen. */
export function Drop({
  server,
  directory,
  may,
  children,
}: {
  server: number
  directory: string
  may: boolean
  children: [(pick: Pick) => ReactNode, ReactNode]
}) {
  const { t } = useTranslation()
  const [above, setAbove] = useState(false)
  const [refused, setRefused] = useState<'large' | 'unreadable' | null>(null)
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const take = (event: React.DragEvent) => {
    event.preventDefault()
    setAbove(false)
    setRefused(null)
    // The list is gone once this function has returned.
    const items = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry())
    const folders = items.filter((item): item is FileSystemDirectoryEntry => item?.isDirectory ?? false)
    send(
      server,
      directory,
      [...event.dataTransfer.files].filter((_, at) => !items[at]?.isDirectory),
    )
    for (const one of folders) {
      droppedTree(one).then(
        (tree) => sendFolder(server, directory, tree),
        (error) => setRefused(error instanceof TooMany ? 'large' : 'unreadable'),
      )
    }
  }
  const choose = (chosen: readonly File[]) => {
    setRefused(null)
    try {
      const tree = chosenTree(chosen)
      if (tree) sendFolder(server, directory, tree)
    } catch (error) {
      if (!(error instanceof TooMany)) throw error
      setRefused('large')
    }
  }
  const over = (event: React.DragEvent) => {
    if (!event.dataTransfer.types.includes('Files')) return
    event.preventDefault()
    setAbove(true)
  }
  const [shown, more] = children
  return (
    <div
      className="files"
      data-above={above || undefined}
      {...(may && { onDragOver: over, onDragLeave: () => setAbove(false), onDrop: take })}
    >
      {above && <p className="drop-here">{t('files.drop', { path: directory })}</p>}
      {refused && <Notice tone="wait">{t(`files.folder.${refused}`, { most: MOST })}</Notice>}
      {may && (
        <>
          <input
            ref={files}
            type="file"
            multiple
            hidden
            onChange={({ target }) => {
              send(server, directory, [...(target.files ?? [])])
              target.value = ''
            }}
          />
          <input
            ref={folder}
            type="file"
            {...{ webkitdirectory: '' }}
            hidden
            onChange={({ target }) => {
              choose([...(target.files ?? [])])
              target.value = ''
            }}
          />
        </>
      )}
      {shown({ files: () => files.current?.click(), folder: () => folder.current?.click() })}
      {more}
    </div>
  )
}
