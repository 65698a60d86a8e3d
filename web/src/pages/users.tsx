import '../styles/limits.css'
import { Button } from 'antd'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { listUsers } from '../api/client.ts'
import { useMe } from '../api/me.ts'
import type { User } from '../api/types.ts'
import { Ago } from '../parts/ago.tsx'
import { Command } from '../parts/command.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Dot } from '../parts/state.tsx'
import { type Column, ColumnChoice, shownColumns, Table } from '../parts/table.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useQuery } from '../router.ts'
import { ReachOfUser } from '../servers/reach-of.tsx'
import { DeleteUser, EditUser, LinkFor, NewUserDialog } from './users/dialogs.tsx'

type Open = { what: 'new' } | { what: 'edit' | 'link' | 'delete' | 'reach'; user: User } | null

export function UsersPage() {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const { data, problem, reload } = useLoad(listUsers)
  const [open, setOpen] = useState<Open>(null)
  const columns = useColumns(setOpen)
  const hidden = query.get('hide') ?? ''
  const q = query.get('q') ?? ''
  const shown = useMemo(() => shownColumns(columns, hidden), [columns, hidden])
  const rows = useMemo(
    () =>
      (data ?? []).filter(({ username, display_name, account }) =>
        `${username}\n${display_name}\n${account}`.toLowerCase().includes(q.toLowerCase().trim()),
      ),
    [data, q],
  )
  const close = () => {
    setOpen(null)
    reload()
  }
  return (
    <>
      <title>{`${t('users.title')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('users.title')}</h1>
        {data && <span className="soft">{t('users.count', { count: data.length })}</span>}
        <span className="gap" />
        <Button type="primary" onClick={() => setOpen({ what: 'new' })}>
          {t('users.create')}
        </Button>
      </header>
      <div className="tools">
        <input
          type="search"
          className="input search"
          placeholder={t('users.filter')}
          aria-label={t('users.filter')}
          value={q}
          onChange={(event) => change({ q: event.target.value })}
        />
        <span className="gap" />
        <ColumnChoice columns={columns} hidden={hidden} hide={(hide) => change({ hide })} />
      </div>
      <ProblemNotice problem={problem} retry={reload} />
      {data === null ? (
        !problem && <p className="loading soft">{t('frame.loading')}</p>
      ) : rows.length > 0 ? (
        <Table
          label={t('users.title')}
          columns={shown}
          rows={rows}
          rowKey={(user) => String(user.id)}
          rowData={(user) => ({ 'data-user': user.username })}
        />
      ) : (
        <p className="no-rows soft">{t('table.nothing', { q })}</p>
      )}
      {data?.length === 1 && (
        <div className="teach">
          <p className="soft">{t('users.alone')}</p>
          <Command text="bastide users create NAME" />
        </div>
      )}
      {open?.what === 'new' && <NewUserDialog close={close} />}
      {open?.what === 'edit' && <EditUser user={open.user} close={close} />}
      {open?.what === 'reach' && <ReachOfUser user={open.user} close={() => setOpen(null)} />}
      {open?.what === 'link' && <LinkFor user={open.user} close={close} />}
      {open?.what === 'delete' && <DeleteUser user={open.user} close={close} />}
    </>
  )
}

function useColumns(open: (open: Open) => void): Column<User>[] {
  const { t } = useTranslation()
  const me = useMe()?.user.id
  return useMemo(
    () => [
      {
        key: 'name',
        title: t('users.column.name'),
        track: 'minmax(140px, 1.6fr)',
        always: true,
        cell: (user) => (
          <>
            <strong>{user.username}</strong>
            {user.id === me && <span className="badge">{t('users.you')}</span>}
            {user.single_sign_on && <span className="badge">{t('users.sso')}</span>}
            {user.second_factor && <span className="badge">{t('users.second')}</span>}
            {user.display_name && <span className="soft title">{user.display_name}</span>}
          </>
        ),
      },
      {
        key: 'state',
        title: t('home.column.state'),
        track: 'minmax(110px, 1fr)',
        cell: (user) =>
          !user.enabled ? (
            <Dot tone="done">{t('users.state.disabled')}</Dot>
          ) : user.password_set || user.single_sign_on ? (
            <Dot tone="good">{t('users.state.enabled')}</Dot>
          ) : (
            <Dot tone="wait">{t('users.state.invited')}</Dot>
          ),
      },
      {
        key: 'role',
        title: t('users.column.role'),
        track: 'minmax(90px, 0.8fr)',
        cell: (user) => t(`users.role.${user.role}`),
      },
      {
        key: 'account',
        title: t('users.column.account'),
        track: 'minmax(90px, 0.9fr)',
        cell: (user) => (user.account ? <code>{user.account}</code> : <span className="soft">–</span>),
      },
      {
        key: 'seen',
        title: t('users.column.seen'),
        track: 'minmax(90px, 0.9fr)',
        cell: (user) =>
          user.last_login ? <Ago at={user.last_login} /> : <span className="soft">{t('users.never')}</span>,
      },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '290px',
        always: true,
        cell: (user) => (
          <>
            <button
              type="button"
              className="quiet"
              aria-label={t('reach.user.title', { name: user.username })}
              onClick={() => open({ what: 'reach', user })}
            >
              {t('reach.user')}
            </button>
            <button
              type="button"
              className="quiet"
              aria-label={t('users.edit.title', { name: user.username })}
              onClick={() => open({ what: 'edit', user })}
            >
              {t('users.edit')}
            </button>
            <button
              type="button"
              className="quiet"
              aria-label={t('users.link.title', { name: user.username })}
              onClick={() => open({ what: 'link', user })}
            >
              {t('users.link')}
            </button>
            <button
              type="button"
              className="quiet danger"
              aria-label={t('users.delete.what', { name: user.username })}
              onClick={() => open({ what: 'delete', user })}
            >
              {t('users.delete')}
            </button>
          </>
        ),
      },
    ],
    [t, me, open],
  )
}
