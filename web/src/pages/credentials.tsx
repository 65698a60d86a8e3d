import '../styles/servers.css'
import { Button } from 'antd'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { type Credential, deleteCredential, listCredentials, SECRETS } from '../api/servers.ts'
import { Ago } from '../parts/ago.tsx'
import { Command } from '../parts/command.tsx'
import { Copy } from '../parts/copy.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Sure } from '../parts/sure.tsx'
import { type Column, ColumnChoice, shownColumns, Table } from '../parts/table.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useQuery } from '../router.ts'
import { CredentialForm } from '../servers/credential-form.tsx'
import { Sections } from '../servers/sections.tsx'

type Over = { what: 'new' } | { what: 'edit' | 'delete'; credential: Credential } | null

export function CredentialsPage() {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const { data, problem, reload } = useLoad(listCredentials)
  const [over, setOver] = useState<Over>(null)
  const may = useRight('credential_create')
  const columns = useColumns(setOver)
  const hidden = query.get('hide') ?? ''
  const q = query.get('q') ?? ''
  const shown = useMemo(() => shownColumns(columns, hidden), [columns, hidden])
  const rows = useMemo(
    () =>
      (data ?? []).filter((one) =>
        `${one.name}\n${one.username}`.toLowerCase().includes(q.toLowerCase().trim()),
      ),
    [data, q],
  )
  const close = () => {
    setOver(null)
    reload()
  }
  const add = may && (
    <Button type="primary" onClick={() => setOver({ what: 'new' })}>
      {t('credentials.add')}
    </Button>
  )
  return (
    <>
      <title>{`${t('nav.credentials')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.credentials')}</h1>
        <Sections current="credentials" />
        <span className="gap" />
        {data && data.length > 0 && add}
      </header>
      <ProblemNotice problem={problem} retry={reload} />
      {data === null ? (
        !problem && <p className="loading soft">{t('frame.loading')}</p>
      ) : data.length === 0 ? (
        <section className="empty">
          <h2>{t('credentials.empty')}</h2>
          <p>{t('credentials.empty.lead')}</p>
          {add}
          <p className="soft">{t('servers.empty.cli')}</p>
          <Command text="bastide credentials create NAME" />
        </section>
      ) : (
        <>
          <div className="tools">
            <input
              type="search"
              className="input search"
              placeholder={t('credentials.filter')}
              aria-label={t('credentials.filter')}
              value={q}
              onChange={(event) => change({ q: event.target.value })}
            />
            <span className="gap" />
            <ColumnChoice columns={columns} hidden={hidden} hide={(hide) => change({ hide })} />
          </div>
          {rows.length > 0 ? (
            <Table
              label={t('nav.credentials')}
              columns={shown}
              rows={rows}
              rowKey={(one) => String(one.id)}
              rowData={(one) => ({ 'data-credential': one.name })}
            />
          ) : (
            <p className="no-rows soft">{t('table.nothing', { q })}</p>
          )}
        </>
      )}
      {over?.what === 'new' && <CredentialForm credential={null} close={close} />}
      {over?.what === 'edit' && <CredentialForm credential={over.credential} close={close} />}
      {over?.what === 'delete' && (
        <Sure
          title={t('credentials.delete.title', { name: over.credential.name })}
          yes={t('credentials.delete')}
          act={() => deleteCredential(over.credential.id)}
          close={close}
        >
          <p>{t('credentials.delete.lead')}</p>
        </Sure>
      )}
    </>
  )
}

function useColumns(act: (over: Over) => void): Column<Credential>[] {
  const { t } = useTranslation()
  return useMemo(
    () => [
      {
        key: 'name',
        title: t('servers.column.name'),
        track: 'minmax(120px, 1.5fr)',
        always: true,
        cell: (one) => <strong>{one.name}</strong>,
      },
      {
        key: 'user',
        title: t('servers.username'),
        track: 'minmax(90px, 1fr)',
        cell: (one) => (one.username ? <code>{one.username}</code> : <span className="soft">–</span>),
      },
      {
        key: 'kind',
        title: t('credentials.kind'),
        track: 'minmax(110px, 1.1fr)',
        cell: (one) => t(`credentials.kind.${one.kind}`),
      },
      {
        key: 'set',
        title: t('credentials.set'),
        track: 'minmax(130px, 1.4fr)',
        cell: (one) =>
          SECRETS.filter((secret) => one.set[secret]).map((secret) => (
            <span key={secret} className="tag">
              {t(`credentials.secret.${secret}`)}
            </span>
          )),
      },
      {
        key: 'fingerprint',
        title: t('servers.fingerprint'),
        track: 'minmax(120px, 1.6fr)',
        cell: (one) =>
          one.fingerprint ? (
            <span className="id">
              <code title={one.public_key ?? undefined}>{one.fingerprint}</code>
              {one.public_key && <Copy text={one.public_key} what={t('credentials.public')} />}
            </span>
          ) : (
            <span className="soft">–</span>
          ),
      },
      {
        key: 'used',
        title: t('credentials.used'),
        track: '90px',
        cell: (one) => (
          <span className="number" title={one.used_by.join('\n') || undefined}>
            {one.used_by.length}
          </span>
        ),
      },
      {
        key: 'changed',
        title: t('credentials.changed'),
        track: '84px',
        cell: (one) => <Ago at={one.changed} />,
      },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '140px',
        always: true,
        cell: (one) => (
          <>
            <button
              type="button"
              className="quiet"
              aria-label={t('servers.edit.title', { name: one.name })}
              onClick={() => act({ what: 'edit', credential: one })}
            >
              {t('servers.edit')}
            </button>
            <button
              type="button"
              className="quiet danger"
              aria-label={t('credentials.delete.title', { name: one.name })}
              onClick={() => act({ what: 'delete', credential: one })}
            >
              {t('credentials.delete')}
            </button>
          </>
        ),
      },
    ],
    [t, act],
  )
}
