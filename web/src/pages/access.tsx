import '../styles/servers.css'
import { Button } from 'antd'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { deleteGrant, deleteGroup, type Grant, type Group, listGrants, listGroups } from '../api/servers.ts'
import { ProblemNotice } from '../parts/notice.tsx'
import { Sure } from '../parts/sure.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Until } from '../parts/until.tsx'
import { useLoad } from '../parts/use-load.ts'
import { GroupForm } from '../servers/access-forms.tsx'
import { GrantForm } from '../servers/grant-form.tsx'
import { grantWords, limitWords, type Names, rightsWords, useNames } from '../servers/names.ts'
import { Sections } from '../servers/sections.tsx'

type Over =
  | { what: 'grant' }
  | { what: 'group'; group: Group | null }
  | { what: 'end'; grant: Grant }
  | { what: 'drop'; group: Group }
  | null

/** Who may use which servers. */
export function AccessPage() {
  const { t } = useTranslation()
  const names = useNames()
  const grants = useLoad(listGrants)
  const groups = useLoad(listGroups)
  const changes = useRight('grant_create')
  const [over, setOver] = useState<Over>(null)
  const close = () => {
    setOver(null)
    grants.reload()
    groups.reload()
    names.reload()
  }
  return (
    <>
      <title>{`${t('nav.access')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.access')}</h1>
        <Sections current="access" />
        <span className="gap" />
        {changes && (
          <>
            <Button onClick={() => setOver({ what: 'group', group: null })}>{t('access.group.add')}</Button>
            <Button type="primary" onClick={() => setOver({ what: 'grant' })}>
              {t('access.grant.add')}
            </Button>
          </>
        )}
      </header>
      <p className="soft">{t('access.lead')}</p>
      <section aria-labelledby="access-grants">
        <h2 id="access-grants">{t('access.grants')}</h2>
        <ProblemNotice problem={grants.problem} retry={grants.reload} />
        {grants.data?.length === 0 && <p className="soft">{t('access.grants.none')}</p>}
        {grants.data && grants.data.length > 0 && (
          <Grants
            grants={grants.data}
            names={names}
            end={changes ? (grant) => setOver({ what: 'end', grant }) : null}
          />
        )}
      </section>
      <section aria-labelledby="access-groups" className="part">
        <h2 id="access-groups">{t('access.groups')}</h2>
        <ProblemNotice problem={groups.problem} retry={groups.reload} />
        {groups.data?.length === 0 && <p className="soft">{t('access.groups.none')}</p>}
        <ul className="cards">
          {groups.data?.map((group) => (
            <GroupItem key={group.id} group={group} names={names} act={changes ? setOver : null} />
          ))}
        </ul>
      </section>
      {over?.what === 'grant' && <GrantForm names={names} close={close} />}
      {over?.what === 'group' && <GroupForm group={over.group} names={names} close={close} />}
      {over?.what === 'end' && (
        <Sure
          title={t('access.grant.end.title')}
          yes={t('access.grant.end')}
          act={() => deleteGrant(over.grant.id)}
          close={close}
        >
          <p>{t('access.grant.end.lead')}</p>
        </Sure>
      )}
      {over?.what === 'drop' && (
        <Sure
          title={t('access.group.delete.title', { name: over.group.name })}
          yes={t('access.group.delete')}
          act={() => deleteGroup(over.group.id)}
          close={close}
        >
          <p>{t('access.group.delete.lead')}</p>
        </Sure>
      )}
    </>
  )
}

function Grants({
  grants,
  names,
  end,
}: {
  grants: readonly Grant[]
  names: Names
  /** Null for those who only look. */
  end: ((grant: Grant) => void) | null
}) {
  const { t } = useTranslation()
  const columns = useMemo<Column<Grant>[]>(
    () => [
      {
        key: 'name',
        title: t('access.who'),
        track: 'minmax(120px, 1fr)',
        always: true,
        cell: (grant) => <strong>{grantWords(t, grant, names).who}</strong>,
      },
      {
        key: 'where',
        title: t('access.what'),
        track: 'minmax(120px, 1fr)',
        cell: (grant) => grantWords(t, grant, names).what,
      },
      {
        key: 'rights',
        title: t('access.rights'),
        track: 'minmax(140px, 1.4fr)',
        cell: (grant) => <Whole words={rightsWords(t, grant.rights)} />,
      },
      {
        key: 'limits',
        title: t('access.limits'),
        track: 'minmax(110px, 1fr)',
        cell: (grant) =>
          limitWords(t, grant) ? (
            <Whole words={limitWords(t, grant)} />
          ) : (
            <span className="soft">{t('access.limits.none')}</span>
          ),
      },
      {
        key: 'how',
        title: t('access.how'),
        track: 'minmax(120px, 1fr)',
        cell: (grant) => grantWords(t, grant, names).how,
      },
      {
        key: 'expires',
        title: t('access.expires'),
        track: 'minmax(120px, 0.8fr)',
        cell: (grant) =>
          grant.expires ? <Until at={grant.expires} /> : <span className="soft">{t('access.never')}</span>,
      },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '110px',
        always: true,
        cell: (grant) =>
          end && (
            <button
              type="button"
              className="quiet danger"
              aria-label={t('access.grant.end.what', { name: grantWords(t, grant, names).who })}
              onClick={() => end(grant)}
            >
              {t('access.grant.end')}
            </button>
          ),
      },
    ],
    [t, names, end],
  )
  return (
    <Table label={t('access.grants')} columns={columns} rows={grants} rowKey={(grant) => String(grant.id)} />
  )
}

function GroupItem({
  group,
  names,
  act,
}: {
  group: Group
  names: Names
  act: ((over: Over) => void) | null
}) {
  const { t } = useTranslation()
  const people = group.members.map((id) => names.users.get(id) ?? String(id)).join(', ')
  return (
    <li>
      <div>
        <strong>{group.name}</strong>
        <p className="soft">{people || t('access.group.empty')}</p>
      </div>
      {act && (
        <>
          <button
            type="button"
            className="quiet"
            aria-label={t('servers.edit.title', { name: group.name })}
            onClick={() => act({ what: 'group', group })}
          >
            {t('servers.edit')}
          </button>
          <button
            type="button"
            className="quiet danger"
            aria-label={t('access.group.delete.title', { name: group.name })}
            onClick={() => act({ what: 'drop', group })}
          >
            {t('access.group.delete')}
          </button>
        </>
      )}
    </li>
  )
}

/** Words that may be cut off in their column, whole under the pointer. */
function Whole({ words }: { words: string }) {
  return <span title={words}>{words}</span>
}
