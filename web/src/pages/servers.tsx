import '../styles/servers.css'
import { Button } from 'antd'
import { useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/client.ts'
import { useStatuses } from '../api/live.ts'
import { useRight } from '../api/me.ts'
import { checkServer, exportAddress, IMPORT_FORMATS, listServers, type Server } from '../api/servers.ts'
import { Ago } from '../parts/ago.tsx'
import { Command } from '../parts/command.tsx'
import { Copy } from '../parts/copy.tsx'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { type Column, ColumnChoice, shownColumns, Table } from '../parts/table.tsx'
import { useAction } from '../parts/use-load.ts'
import { useLater, usePages } from '../parts/use-pages.ts'
import { serverAddress, useQuery } from '../router.ts'
import { OpenAs, RemoveServers, TagServers } from '../servers/dialogs.tsx'
import { ServerForm } from '../servers/form.tsx'
import { ImportDialog } from '../servers/import.tsx'
import { needsChoice, openOn } from '../servers/open.ts'
import { Sections } from '../servers/sections.tsx'
import { addressWords, Status } from '../servers/status.tsx'

/** Typing asks the server once it pauses. */
const PAUSE = 200
/** So many servers are checked at a time. */
const CHECKS = 8

type Over =
  | { what: 'add' | 'import' }
  | { what: 'edit' | 'as'; server: Server }
  | { what: 'remove' | 'tag'; servers: readonly Server[] }
  | null

export function ServersPage() {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const q = query.get('q') ?? ''
  const tag = query.get('tag') ?? ''
  const group = query.get('group') ?? ''
  const asked = useLater(q, PAUSE)
  const load = useCallback(
    (cursor: string | null) => listServers({ q: asked, tag, group, cursor }),
    [asked, tag, group],
  )
  const list = usePages(load)
  const mayAdd = useRight('server_create')
  const [over, setOver] = useState<Over>(null)
  const opening = useAction()
  const open = useCallback(
    (server: Server) => {
      opening.run(async () => {
        try {
          await openOn(server)
        } catch (error) {
          if (!needsChoice(error)) throw error
          setOver({ what: 'as', server })
        }
      })
    },
    [opening.run],
  )
  const close = () => {
    setOver(null)
    list.reload()
  }
  const filtered = asked !== '' || tag !== '' || group !== ''
  const empty = list.rows?.length === 0 && !filtered
  return (
    <>
      <title>{`${t('nav.servers')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.servers')}</h1>
        <Sections current="servers" />
        <span className="gap" />
        {mayAdd && !empty && <Actions act={setOver} />}
      </header>
      <ProblemNotice problem={opening.problem} />
      <ProblemNotice problem={list.problem} retry={list.reload} />
      {list.rows === null ? (
        !list.problem && <p className="loading soft">{t('frame.loading')}</p>
      ) : empty ? (
        <Empty may={mayAdd} act={setOver} />
      ) : (
        <List
          rows={list.rows}
          more={list.more}
          rest={list.rest}
          reload={list.reload}
          filter={{ q, tag, group }}
          change={change}
          hidden={query.get('hide') ?? ''}
          open={open}
          act={setOver}
        />
      )}
      {over?.what === 'add' && <ServerForm server={null} close={close} />}
      {over?.what === 'edit' && <ServerForm server={over.server} close={close} />}
      {over?.what === 'import' && <ImportDialog close={close} />}
      {over?.what === 'as' && <OpenAs server={over.server} close={() => setOver(null)} />}
      {over?.what === 'remove' && <RemoveServers servers={over.servers} close={close} />}
      {over?.what === 'tag' && <TagServers servers={over.servers} close={close} />}
    </>
  )
}

function Actions({ act }: { act: (over: Over) => void }) {
  const { t } = useTranslation()
  const exports = useRight('server_export')
  return (
    <>
      {exports && (
        <details className="column-choice">
          <summary>{t('servers.export')}</summary>
          <div className="column-list">
            {IMPORT_FORMATS.map((format) => (
              <a key={format} href={exportAddress(format)} download={EXPORT_NAMES[format]}>
                {t(`servers.format.${format}`)}
              </a>
            ))}
          </div>
        </details>
      )}
      <Button onClick={() => act({ what: 'import' })}>{t('servers.import')}</Button>
      <Button type="primary" onClick={() => act({ what: 'add' })}>
        {t('servers.add')}
      </Button>
    </>
  )
}

const EXPORT_NAMES = { ssh_config: 'ssh_config', csv: 'servers.csv', ansible: 'inventory.ini' } as const

function Empty({ may, act }: { may: boolean; act: (over: Over) => void }) {
  const { t } = useTranslation()
  return (
    <section className="empty">
      <h2>{t('servers.empty')}</h2>
      <p>{t(may ? 'servers.empty.lead' : 'servers.empty.guest')}</p>
      {may && (
        <>
          <div className="empty-actions">
            <Button type="primary" onClick={() => act({ what: 'add' })}>
              {t('servers.add')}
            </Button>
            <Button onClick={() => act({ what: 'import' })}>{t('servers.import')}</Button>
          </div>
          <p className="soft">{t('servers.empty.cli')}</p>
          <Command text="bastide servers import ~/.ssh/config" />
        </>
      )}
    </section>
  )
}

interface ListProps {
  rows: readonly Server[]
  rest: boolean
  more: () => void
  reload: () => void
  filter: { q: string; tag: string; group: string }
  change: (change: Record<string, string>) => void
  hidden: string
  open: (server: Server) => void
  act: (over: Over) => void
}

function List({ rows: answered, rest, more, reload, filter, change, hidden, open, act }: ListProps) {
  const { t } = useTranslation()
  const rows = useStatuses(answered)
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set())
  const columns = useColumns(open, act, change)
  const shown = useMemo(() => shownColumns(columns, hidden), [columns, hidden])
  const picked = rows.filter((server) => chosen.has(String(server.id)))
  const checking = useChecks(reload)
  return (
    <>
      <div className="tools">
        {picked.length > 0 ? (
          <div className="picked" role="status">
            <span>{t('table.chosen', { count: picked.length })}</span>
            <button
              type="button"
              className="quiet"
              disabled={checking.left > 0}
              onClick={() => checking.check(picked)}
            >
              {checking.left > 0 ? t('servers.checking', { left: checking.left }) : t('servers.check')}
            </button>
            {picked.every((server) => server.may.redirect) && (
              <>
                <button type="button" className="quiet" onClick={() => act({ what: 'tag', servers: picked })}>
                  {t('servers.tag')}
                </button>
                <button
                  type="button"
                  className="quiet danger"
                  onClick={() => act({ what: 'remove', servers: picked })}
                >
                  {t('servers.remove.chosen')}
                </button>
              </>
            )}
            <button type="button" className="quiet" onClick={() => choose(new Set())}>
              {t('table.none')}
            </button>
          </div>
        ) : (
          <Filter rows={rows} filter={filter} change={change} />
        )}
        <span className="gap" />
        <span className="soft">{t('servers.count', { count: rows.length, more: rest ? '+' : '' })}</span>
        <ColumnChoice columns={columns} hidden={hidden} hide={(hide) => change({ hide })} />
      </div>
      {rows.length === 0 ? (
        <p className="no-rows soft">
          {t('table.nothing', { q: [filter.q, filter.tag, filter.group].filter(Boolean).join(' ') })}{' '}
          <button type="button" className="quiet" onClick={() => change({ q: '', tag: '', group: '' })}>
            {t('table.clear')}
          </button>
        </p>
      ) : (
        <Table
          label={t('nav.servers')}
          columns={shown}
          rows={rows}
          rowKey={(server) => String(server.id)}
          rowData={(server) => ({ 'data-server': server.name })}
          selection={{ chosen, choose, selectable: () => true, rowLabel: (server) => server.name }}
          atEnd={more}
        />
      )}
    </>
  )
}

/** Checks of several servers, a few at a time. */
function useChecks(done: () => void): { left: number; check: (servers: readonly Server[]) => void } {
  const [left, setLeft] = useState(0)
  const check = (servers: readonly Server[]) => {
    const waiting = [...servers]
    setLeft(waiting.length)
    const work = async () => {
      for (let server = waiting.shift(); server; server = waiting.shift()) {
        await checkServer(server.id).catch((error: unknown) => {
          // What failed shows in the list: its last check stays old.
          if (!(error instanceof Problem)) throw error
        })
        setLeft((before) => before - 1)
      }
    }
    void Promise.all(Array.from({ length: CHECKS }, work)).then(done)
  }
  return { left, check }
}

function Filter({ rows, filter, change }: Pick<ListProps, 'rows' | 'filter' | 'change'>) {
  const { t } = useTranslation()
  const tags = useMemo(
    () => sorted([...rows.flatMap((server) => server.tags), filter.tag]),
    [rows, filter.tag],
  )
  const groups = useMemo(
    () => sorted([...rows.map((server) => server.group ?? ''), filter.group]),
    [rows, filter.group],
  )
  return (
    <>
      <input
        type="search"
        className="input search"
        placeholder={t('servers.filter')}
        aria-label={t('servers.filter')}
        value={filter.q}
        onChange={(event) => change({ q: event.target.value })}
      />
      {(
        [
          ['tag', tags],
          ['group', groups],
        ] as const
      ).map(
        ([name, values]) =>
          values.length > 0 && (
            <select
              key={name}
              className="input small"
              aria-label={t(`servers.filter.${name}`)}
              value={filter[name]}
              onChange={(event) => change({ [name]: event.target.value })}
            >
              <option value="">{t(`servers.filter.${name}.all`)}</option>
              {values.map((value) => (
                <option key={value} value={value}>
                  {value}
                </option>
              ))}
            </select>
          ),
      )}
    </>
  )
}

const sorted = (words: string[]) => [...new Set(words.filter(Boolean))].sort((a, b) => a.localeCompare(b))

function useColumns(
  open: (server: Server) => void,
  act: (over: Over) => void,
  change: ListProps['change'],
): Column<Server>[] {
  const { t } = useTranslation()
  return useMemo(
    () => [
      {
        key: 'name',
        title: t('servers.column.name'),
        track: 'minmax(130px, 1.8fr)',
        always: true,
        cell: (server) => <Name server={server} open={open} />,
      },
      {
        key: 'address',
        title: t('servers.column.address'),
        track: 'minmax(120px, 1.5fr)',
        cell: (server) => (
          <span className="id">
            <code title={server.jump ? t('servers.through', { name: server.jump.name }) : undefined}>
              {addressWords(server)}
            </code>
            <Copy text={addressWords(server)} what={t('servers.column.address')} />
          </span>
        ),
      },
      {
        key: 'status',
        title: t('home.column.state'),
        track: '116px',
        cell: (server) => <Status server={server} />,
      },
      {
        key: 'credential',
        title: t('servers.credential'),
        track: 'minmax(90px, 1fr)',
        cell: (server) => server.default_credential?.name ?? <span className="soft">–</span>,
      },
      {
        key: 'tags',
        title: t('servers.tags'),
        track: 'minmax(90px, 1.3fr)',
        cell: (server) =>
          server.tags.map((one) => (
            <button key={one} type="button" className="tag" onClick={() => change({ tag: one })}>
              {one}
            </button>
          )),
      },
      {
        key: 'group',
        title: t('servers.group'),
        track: 'minmax(70px, 0.8fr)',
        cell: (server) => server.group ?? <span className="soft">–</span>,
      },
      {
        key: 'platform',
        title: t('servers.platform'),
        track: 'minmax(60px, 0.7fr)',
        cell: (server) => server.platform || <span className="soft">–</span>,
      },
      {
        key: 'checked',
        title: t('servers.column.checked'),
        track: '84px',
        cell: (server) =>
          server.last_check ? <Ago at={server.last_check} /> : <span className="soft">–</span>,
      },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '196px',
        always: true,
        cell: (server) => <RowActions server={server} act={act} />,
      },
    ],
    [t, open, act, change],
  )
}

/** A plain click, or Enter, opens a terminal; another click goes where the browser says, to the server's page. */
function Name({ server, open }: { server: Server; open: (server: Server) => void }) {
  const { t } = useTranslation()
  if (!server.may.use) return <Link href={serverAddress(server.id)}>{server.name}</Link>
  return (
    <a
      href={serverAddress(server.id)}
      title={t('servers.open.what', { name: server.name })}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
        event.preventDefault()
        open(server)
      }}
    >
      {server.name}
    </a>
  )
}

function RowActions({ server, act }: { server: Server; act: (over: Over) => void }) {
  const { t } = useTranslation()
  const { name } = server
  return (
    <>
      {server.may.use && (
        <button
          type="button"
          className="quiet"
          aria-label={t('servers.open.as.what', { name })}
          onClick={() => act({ what: 'as', server })}
        >
          {t('servers.open.as')}
        </button>
      )}
      <Link
        className="quiet"
        href={serverAddress(server.id)}
        aria-label={t('servers.details.what', { name })}
      >
        {t('servers.details')}
      </Link>
      {server.may.redirect && (
        <button
          type="button"
          className="quiet"
          aria-label={t('servers.edit.title', { name })}
          onClick={() => act({ what: 'edit', server })}
        >
          {t('servers.edit')}
        </button>
      )}
    </>
  )
}
