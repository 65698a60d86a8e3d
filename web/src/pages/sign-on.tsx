import { Button } from 'antd'
import { useTranslation } from 'react-i18next'
import { loginWays } from '../api/client.ts'
import { Notice } from '../parts/notice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useQuery } from '../router.ts'

/** What the server says in the address when it does not let in who comes back from the provider. */
const WHY = {
  off: 'login.sso.off',
  unreachable: 'login.sso.unreachable',
  wrong_answer: 'login.sso.wrong',
  declined: 'login.sso.declined',
  stale: 'login.sso.stale',
  unknown: 'login.sso.unknown',
  no_name: 'login.sso.name',
  name_taken: 'login.sso.taken',
  domain: 'login.sso.domain',
  disabled: 'login.sso.disabled',
  too_many: 'login.sso.busy',
} as const

/** Why the last sign-in with the provider came to nothing. */
export function SignOnRefused() {
  const { t } = useTranslation()
  const [query] = useQuery()
  const word = query.get('sso')
  if (!word) return null
  const request = /^[0-9a-f]{32}$/.exec(query.get('request') ?? '')?.[0]
  return (
    <Notice tone="bad">
      {t(Object.hasOwn(WHY, word) ? WHY[word as keyof typeof WHY] : 'login.sso.failed')}
      {request && <p className="soft">{t('login.sso.request', { id: request })}</p>}
    </Notice>
  )
}

/** The way to the provider, where the server has one. */
export function SignOn() {
  const { t } = useTranslation()
  const [query] = useQuery()
  const { data } = useLoad(loginWays)
  if (!data?.single_sign_on) return null
  const next = query.get('next')
  const start = `/api/v1/login/oidc/start${next ? `?next=${encodeURIComponent(next)}` : ''}`
  return (
    <>
      <p className="soft">{t('login.sso.or')}</p>
      <Button href={start} block data-sign-on>
        {t('login.sso', { name: data.single_sign_on.name })}
      </Button>
    </>
  )
}
