import { Button } from 'antd'
import { type KeyboardEvent, useCallback, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  archiveAddress,
  contentAddress,
  type Directory,
  listDirectory,
  type RemoteFile,
} from '../api/files.ts'
import type { Server } from '../api/servers.ts'
import { Ago } from '../parts/ago.tsx'
import { Bytes } from '../parts/bytes.tsx'
import { Link } from '../parts/link.tsx'
import { Notice, ProblemNotice } from '../parts/notice.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { useLoad, useReturn } from '../parts/use-load.ts'
import { filesAddress, go, useQuery } from '../router.ts'
import { Editor, NewDirectory, Permissions, Remove, Rename } from './dialogs.tsx'
import { Drop } from './drop.tsx'
import { crumbs, isDirectory, isFile, join, modeWords, octal, parent, type Sort, sorted } from './names.ts'
import { Transfers } from './transfers.tsx'
import { whenDone } from './uploads.ts'

/** A text of more is taken home and edited there. */
const MAX_TEXT = 1024 * 1024

type Over =
  | { what: 'mkdir' }
  | { what: 'rename' | 'chmod' | 'edit'; file: RemoteFile }
  | { what: 'remove'; files: RemoteFile[] }

export function Browser({ server }: { server: Server }) {
  const { t } = useTranslation()
  const [query] = useQuery()
  const path = query.get('path') ?? ''
  const load = useCallback(() => listDirectory(server.id, path), [server.id, path])
  const { data, problem, loading, reload } = useLoad(load)
  useReturn(reload)
  useEffect(
    () =>
      whenDone((where, directory) => {
        if (where === server.id && (!data || directory === data.path)) reload()
      }),
    [server.id, data, reload],
  )
  return (
    <>
      <Crumbs server={server} path={data?.path ?? path} />
      <ProblemNotice problem={problem} retry={reload} />
      <Transfers server={server.id} />
      {/* What is shown is of this directory and no other. */}
      {data && !problem && <Shown key={data.path} server={server} directory={data} reload={reload} />}
      {!data && loading && <p className="loading soft">{t('frame.loading')}</p>}
    </>
  )
}

function Crumbs({ server, path }: { server: Server; path: string }) {
  const { t } = useTranslation()
  const steps = crumbs(path)
  return (
    <nav className="file-crumbs" aria-label={t('files.where')}>
      <Link href={filesAddress(server.id)} title={t('files.home')} aria-label={t('files.home')}>
        ~
      </Link>
      <Link href={filesAddress(server.id, '/')} aria-label={t('files.root')}>
        /
      </Link>
      {steps.map((step, at) => (
        <Link
          key={step.path}
          href={filesAddress(server.id, step.path)}
          aria-current={at === steps.length - 1 ? 'page' : undefined}
        >
          {step.name}
        </Link>
      ))}
    </nav>
  )
}

function Shown({ server, directory, reload }: { server: Server; directory: Directory; reload: () => void }) {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set())
  const [over, setOver] = useState<Over | null>(null)
  const may = useMay(server)
  const q = query.get('q') ?? ''
  const by = (query.get('sort') as Sort | null) ?? 'name'
  const down = query.get('down') === '1'
  const rows = useMemo(() => {
    const wanted = q.trim().toLowerCase()
    const found = directory.files.filter(({ name }) => name.toLowerCase().includes(wanted))
    return sorted(found, by, down)
  }, [directory, q, by, down])
  const sort = useCallback(
    (key: Sort) => change({ sort: key === 'name' ? '' : key, down: key === by && !down ? '1' : '' }),
    [change, by, down],
  )
  const columns = useColumns(server, directory.path, { by, down, sort })
  const files = rows.filter(({ name }) => chosen.has(name))
  const close = () => {
    setOver(null)
    choose(new Set())
    reload()
  }
  const keys = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLAnchorElement)) return
    const index = event.target.closest<HTMLElement>('[data-index]')?.dataset.index
    const file = index === undefined ? undefined : rows[Number(index)]
    if (event.key === 'Backspace' && directory.path !== '/')
      go(filesAddress(server.id, parent(directory.path)))
    else if (event.key === 'F2' && file && may.upload) setOver({ what: 'rename', file })
    else if (event.key === 'Delete' && file && may.upload) setOver({ what: 'remove', files: [file] })
    else return
    event.preventDefault()
  }
  const there = { server: server.id, directory: directory.path }
  return (
    <Drop server={server.id} directory={directory.path} may={may.upload}>
      {(pick) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: keys of the links in it
        <div onKeyDown={keys}>
          <div className="tools">
            <input
              type="search"
              className="input search"
              placeholder={t('files.filter')}
              aria-label={t('files.filter')}
              value={q}
              onChange={(event) => change({ q: event.target.value })}
            />
            {may.upload && (
              <>
                <Button type="primary" onClick={pick.files}>
                  {t('files.upload')}
                </Button>
                <Button onClick={pick.folder}>{t('files.upload.folder')}</Button>
                <Button onClick={() => setOver({ what: 'mkdir' })}>{t('files.mkdir')}</Button>
              </>
            )}
            {may.download && (
              <>
                <a className="quiet" href={archiveAddress(server.id, directory.path, 'tar.gz')} download>
                  {t('files.archive.tar')}
                </a>
                <a className="quiet" href={archiveAddress(server.id, directory.path, 'zip')} download>
                  {t('files.archive.zip')}
                </a>
              </>
            )}
            <span className="gap" />
            <span className="soft" role="status">
              {t('files.count', { count: rows.length })}
              {directory.free !== null && (
                <>
                  {' · '}
                  {t('files.free')} <Bytes bytes={directory.free} />
                </>
              )}
            </span>
          </div>
          {files.length > 0 && (
            <Chosen server={server} directory={directory.path} files={files} may={may} open={setOver} />
          )}
          {directory.truncated && <Notice tone="wait">{t('files.truncated')}</Notice>}
          {rows.length > 0 && (
            <Table
              label={t('files.title')}
              columns={columns}
              rows={rows}
              rowKey={({ name }) => name}
              rowData={({ name, kind }) => ({ 'data-file': name, 'data-kind': kind })}
              selection={{ chosen, choose, selectable: () => true, rowLabel: ({ name }) => name }}
            />
          )}
          {rows.length === 0 && q && <p className="no-rows soft">{t('table.nothing', { q })}</p>}
          {rows.length === 0 && !q && <Empty server={server} may={may.upload} />}
        </div>
      )}
      {over && <OverPage over={over} there={there} write={may.upload} close={close} />}
    </Drop>
  )
}

function OverPage({
  over,
  there,
  write,
  close,
}: {
  over: Over
  there: { server: number; directory: string }
  write: boolean
  close: () => void
}) {
  switch (over.what) {
    case 'mkdir':
      return <NewDirectory there={there} close={close} />
    case 'rename':
      return <Rename there={there} file={over.file} close={close} />
    case 'chmod':
      return <Permissions there={there} file={over.file} close={close} />
    case 'edit':
      return <Editor there={there} file={over.file} write={write} close={close} />
    case 'remove':
      return <Remove there={there} files={over.files} close={close} />
  }
}

interface May {
  upload: boolean
  download: boolean
}

function useMay(server: Server): May {
  const { rights } = server.may
  return { upload: rights.includes('upload'), download: rights.includes('download') }
}

function Empty({ server, may }: { server: Server; may: boolean }) {
  const { t } = useTranslation()
  return (
    <div className="empty">
      <h2>{t('files.empty')}</h2>
      <p>{t(may ? 'files.empty.lead' : 'files.empty.look')}</p>
      <p className="soft">{t('files.empty.cli')}</p>
      <code>{`sftp -P 2222 ${t('files.empty.you')}+${server.name}@${location.hostname}`}</code>
    </div>
  )
}

/** What can be done with what is chosen. */
function Chosen({
  server,
  directory,
  files,
  may,
  open,
}: {
  server: Server
  directory: string
  files: RemoteFile[]
  may: May
  open: (over: Over) => void
}) {
  const { t } = useTranslation()
  const [file, more] = files
  const one = file && !more ? file : null
  const path = one ? join(directory, one.name) : ''
  const isText = one && isFile(one) && (one.size ?? 0) <= MAX_TEXT
  return (
    <div className="tools chosen" role="toolbar" aria-label={t('files.chosen', { count: files.length })}>
      <span className="soft">{t('files.chosen', { count: files.length })}</span>
      {may.download && one && isFile(one) && (
        <a className="quiet" href={contentAddress(server.id, path)} download>
          {t('files.download')}
        </a>
      )}
      {may.download && one && isDirectory(one) && (
        <>
          <a className="quiet" href={archiveAddress(server.id, path, 'tar.gz')} download>
            {t('files.archive.tar')}
          </a>
          <a className="quiet" href={archiveAddress(server.id, path, 'zip')} download>
            {t('files.archive.zip')}
          </a>
        </>
      )}
      {may.download && isText && (
        <button type="button" className="quiet" onClick={() => open({ what: 'edit', file: one })}>
          {t(may.upload ? 'files.edit' : 'files.look')}
        </button>
      )}
      {may.upload && one && (
        <>
          <button type="button" className="quiet" onClick={() => open({ what: 'rename', file: one })}>
            {t('files.rename')}
          </button>
          {one.kind !== 'link' && (
            <button type="button" className="quiet" onClick={() => open({ what: 'chmod', file: one })}>
              {t('files.chmod')}
            </button>
          )}
        </>
      )}
      {may.upload && (
        <button type="button" className="quiet danger" onClick={() => open({ what: 'remove', files })}>
          {t('files.remove')}
        </button>
      )}
    </div>
  )
}

function useColumns(
  server: Server,
  directory: string,
  { by, down, sort }: { by: Sort; down: boolean; sort: (key: Sort) => void },
): Column<RemoteFile>[] {
  const { t } = useTranslation()
  const may = useMay(server).download
  const { id } = server
  return useMemo(() => {
    const head = (key: Sort, title: string) =>
      ({
        title,
        sorted: key === by ? (down ? 'descending' : 'ascending') : 'none',
        sort: () => sort(key),
      }) as const
    return [
      {
        key: 'name',
        ...head('name', t('files.column.name')),
        track: 'minmax(160px, 3fr)',
        always: true,
        cell: (file) => <Name server={id} path={join(directory, file.name)} file={file} may={may} />,
      },
      {
        key: 'size',
        ...head('size', t('files.column.size')),
        track: '100px',
        cell: ({ kind, size }) =>
          kind === 'file' && size !== null ? <Bytes bytes={size} /> : <span className="soft">–</span>,
      },
      {
        key: 'modified',
        ...head('modified', t('files.column.modified')),
        track: '120px',
        cell: ({ modified }) => (modified ? <Ago at={modified} /> : <span className="soft">–</span>),
      },
      {
        key: 'mode',
        title: t('files.column.mode'),
        track: '110px',
        cell: ({ mode }) =>
          mode === null ? (
            <span className="soft">–</span>
          ) : (
            <code title={octal(mode)}>{modeWords(mode)}</code>
          ),
      },
      {
        key: 'owner',
        title: t('files.column.owner'),
        track: '100px',
        cell: ({ uid, gid }) =>
          uid === null ? (
            <span className="soft">–</span>
          ) : (
            <span className="number soft">{`${uid}:${gid}`}</span>
          ),
      },
    ]
  }, [t, id, directory, may, by, down, sort])
}

function Name({ server, path, file, may }: { server: number; path: string; file: RemoteFile; may: boolean }) {
  const { t } = useTranslation()
  const { name, kind, leads_to } = file
  const more =
    kind === 'link' ? <span className="badge">{t(leads_to ? 'files.link' : 'files.link.broken')}</span> : null
  if (isDirectory(file)) {
    return (
      <>
        <Link className="file-name directory" href={filesAddress(server, path)} title={name}>
          {name}/
        </Link>
        {more}
      </>
    )
  }
  return (
    <>
      {may && isFile(file) ? (
        <a className="file-name" href={contentAddress(server, path)} download title={name}>
          {name}
        </a>
      ) : (
        <span className="file-name" title={name}>
          {name}
        </span>
      )}
      {more}
      {kind === 'other' && <span className="badge">{t('files.other')}</span>}
    </>
  )
}
