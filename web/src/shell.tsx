// Every page but the terminal's, which needs nothing of what these are made of and must not wait for it.

import { ConfigProvider, theme } from 'antd'
import enUS from 'antd/locale/en_US'
import zhCN from 'antd/locale/zh_CN'
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'
import { useMe, useWho } from './api/me.ts'
import { MAY } from './api/rules.ts'
import type { Right } from './api/types.ts'
import { Frame } from './frame/frame.tsx'
import { HomePage } from './pages/home.tsx'
import { LoginPage } from './pages/login.tsx'
import { Missing } from './pages/missing.tsx'
import { Unreachable } from './pages/unreachable.tsx'
import { useDark } from './parts/appearance.ts'
import { Loading } from './parts/loading.tsx'
import type { Place } from './router.ts'

// What is not needed for the first page is loaded when somebody goes there.
const LinkPage = lazy(() => import('./pages/link.tsx').then((module) => ({ default: module.LinkPage })))
const RecordingsPage = lazy(() =>
  import('./pages/recordings.tsx').then((module) => ({ default: module.RecordingsPage })),
)
const ReplayPage = lazy(() => import('./pages/replay.tsx').then((module) => ({ default: module.ReplayPage })))
const UsersPage = lazy(() => import('./pages/users.tsx').then((module) => ({ default: module.UsersPage })))
const SettingsPage = lazy(() =>
  import('./pages/settings.tsx').then((module) => ({ default: module.SettingsPage })),
)
const ServersPage = lazy(() =>
  import('./pages/servers.tsx').then((module) => ({ default: module.ServersPage })),
)
const FilesPage = lazy(() => import('./pages/files.tsx').then((module) => ({ default: module.FilesPage })))
const ServerPage = lazy(() => import('./pages/server.tsx').then((module) => ({ default: module.ServerPage })))
const CredentialsPage = lazy(() =>
  import('./pages/credentials.tsx').then((module) => ({ default: module.CredentialsPage })),
)
const RequestsPage = lazy(() =>
  import('./pages/requests.tsx').then((module) => ({ default: module.RequestsPage })),
)
const AccessPage = lazy(() => import('./pages/access.tsx').then((module) => ({ default: module.AccessPage })))
const ConnectionsPage = lazy(() =>
  import('./pages/connections.tsx').then((module) => ({ default: module.ConnectionsPage })),
)
const HostsPage = lazy(() => import('./pages/hosts.tsx').then((module) => ({ default: module.HostsPage })))
const LimitsPage = lazy(() => import('./pages/limits.tsx').then((module) => ({ default: module.LimitsPage })))
const RulesPage = lazy(() => import('./pages/rules.tsx').then((module) => ({ default: module.RulesPage })))
const RuleGroupsPage = lazy(() =>
  import('./pages/rule-groups.tsx').then((module) => ({ default: module.RuleGroupsPage })),
)
const RuleVersionsPage = lazy(() =>
  import('./pages/rule-versions.tsx').then((module) => ({ default: module.RuleVersionsPage })),
)
const ReviewsPage = lazy(() =>
  import('./pages/reviews.tsx').then((module) => ({ default: module.ReviewsPage })),
)
const AlertsPage = lazy(() => import('./pages/alerts.tsx').then((module) => ({ default: module.AlertsPage })))
const SharePage = lazy(() => import('./pages/share.tsx').then((module) => ({ default: module.SharePage })))

export function Shell({ place }: { place: Place }) {
  const { i18n } = useTranslation()
  const dark = useDark()
  return (
    <ConfigProvider
      locale={i18n.language === 'zh-CN' ? zhCN : enUS}
      button={{ autoInsertSpace: false }}
      wave={{ disabled: true }}
      theme={{
        algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
        token: {
          colorPrimary: dark ? '#177d74' : '#0f766e',
          colorError: dark ? '#f0746a' : '#b8362a',
          ...(dark ? { colorBgBase: '#12161a', colorBgElevated: '#191f24', colorTextBase: '#e3e7ea' } : {}),
          borderRadius: 6,
          fontFamily: 'var(--sans)',
          fontSize: 14,
          motion: false,
        },
        // What antd makes of the colours is too faint to read on some grounds.
        components: {
          Button: dark
            ? {
                dangerColor: '#12161a',
                colorError: '#ff8c82',
                colorErrorHover: '#ffa89f',
                defaultHoverColor: '#4cc4b8',
                defaultActiveColor: '#4cc4b8',
              }
            : { colorErrorHover: '#96271c', colorPrimaryHover: '#0b5d57' },
        },
      }}
    >
      <Shown place={place} />
    </ConfigProvider>
  )
}

/** What is shown depends on who asks before it depends on where they are. */
function Shown({ place }: { place: Place }) {
  const who = useWho()
  if (who.state === 'unreachable') return <Unreachable problem={who.problem} />
  if (place.page === 'login' && place.token) {
    return (
      <Loading>
        <LinkPage token={place.token} />
      </Loading>
    )
  }
  if (place.page === 'login' && who.state === 'out') return <LoginPage />
  if (who.state !== 'in' || place.page === 'login') return null
  return (
    <Frame place={place}>
      <Loading>
        <Page place={place} />
      </Loading>
    </Frame>
  )
}

function Page({ place }: { place: Place }) {
  const rights = useMe()?.rights ?? []
  const may = (right: Right, page: React.ReactNode) => (rights.includes(right) ? page : <Missing />)
  switch (place.page) {
    case 'home':
      return <HomePage />
    case 'recordings':
      return <RecordingsPage />
    case 'recording':
      return <ReplayPage key={place.id} id={place.id} at={place.at} />
    case 'servers':
      return <ServersPage />
    case 'files':
      return <FilesPage key={place.id} id={Number(place.id)} />
    case 'server':
      return <ServerPage key={place.id} id={Number(place.id)} />
    case 'credentials':
      return may('credential_list', <CredentialsPage />)
    case 'access':
      return may('grant_list', <AccessPage />)
    case 'requests':
      return <RequestsPage />
    case 'connections':
      return may('connection_list', <ConnectionsPage />)
    case 'hosts':
      return may('host_authority_list', <HostsPage />)
    case 'limits':
      return may('session_settings_read', <LimitsPage />)
    case 'rules':
      return may(MAY.read, <RulesPage />)
    case 'rule_groups':
      return may(MAY.read, <RuleGroupsPage />)
    case 'rule_versions':
      return may(MAY.read, <RuleVersionsPage />)
    case 'reviews':
      return may(MAY.reviews, <ReviewsPage />)
    case 'alerts':
      return may(MAY.alerts, <AlertsPage />)
    case 'share':
      return <SharePage token={place.token} />
    case 'settings':
      return <SettingsPage />
    case 'users':
      return may('user_list', <UsersPage />)
    default:
      return <Missing />
  }
}
