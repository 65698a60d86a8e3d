import { Button } from 'antd'
import type { TFunction } from 'i18next'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { type Because, type Reach, reachOfServer, reachOfUser } from '../api/access.ts'
import { useRight } from '../api/me.ts'
import type { Server } from '../api/servers.ts'
import type { User } from '../api/types.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Until } from '../parts/until.tsx'
import { useLoad } from '../parts/use-load.ts'
import { rightsWords } from './names.ts'

/** Who can reach this server, and why. */
export function ReachOfServer({ server }: { server: Server }) {
  const { t } = useTranslation()
  const grants = useRight('grant_list')
  const { data, problem, reload } = useLoad(useCallback(() => reachOfServer(server.id), [server.id]))
  return (
    <section aria-labelledby="server-reach">
      <header className="part-head">
        <h2 id="server-reach">{t('reach.server')}</h2>
        <span className="gap" />
        {grants && <Link href="/access">{t('server.grants.manage')}</Link>}
      </header>
      <ProblemNotice problem={problem} retry={reload} />
      {data?.length === 0 && <p className="soft">{t('reach.none')}</p>}
      {data && <ReachList items={data} />}
    </section>
  )
}

/** What a person can reach, and why. */
export function ReachOfUser({ user, close }: { user: User; close: () => void }) {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(useCallback(() => reachOfUser(user.id), [user.id]))
  return (
    <Dialog title={t('reach.user.title', { name: user.username })} close={close}>
      <ProblemNotice problem={problem} retry={reload} />
      {data === null && !problem && <p className="loading soft">{t('frame.loading')}</p>}
      {data?.length === 0 && <p className="soft">{t('reach.user.none')}</p>}
      {data && <ReachList items={data} />}
      <div className="dialog-actions">
        <Button data-first onClick={close}>
          {t('form.done')}
        </Button>
      </div>
    </Dialog>
  )
}

function ReachList({ items }: { items: readonly Reach[] }) {
  const { t } = useTranslation()
  return (
    <ul className="cards">
      {items.map((one) => (
        <li key={one.who.id} data-reach={one.who.name}>
          <div>
            <strong>{one.who.name}</strong> {rightsWords(t, one.rights) || t('reach.nothing.now')}
            {one.because.map((why) => (
              <p className="soft" key={why.grant_id ?? why.role}>
                {becauseWords(t, why)}
                {why.expires && (
                  <>
                    {' · '}
                    <Until at={why.expires} />
                  </>
                )}
              </p>
            ))}
          </div>
        </li>
      ))}
    </ul>
  )
}

const HOLDS = ['network', 'hours', 'over'] as const

function becauseWords(t: TFunction, why: Because): string {
  if (why.role) return t('reach.role', { role: t(`users.role.${why.role as User['role']}`) })
  const holds = HOLDS.find((one) => one === why.holds)
  return [
    t('reach.grant', { id: why.grant_id, on: why.on }),
    why.group && t('access.group.named', { name: why.group }),
    rightsWords(t, why.rights),
    why.networks.join(', '),
    why.request_id !== null && t('reach.request', { id: why.request_id }),
    holds && t(`reach.holds.${holds}`),
  ]
    .filter(Boolean)
    .join(' · ')
}
