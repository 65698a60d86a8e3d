// Every page but the terminal's, which needs nothing of what these are made of and must not wait for it.

import { ConfigProvider, theme } from 'antd'
import enUS from 'antd/locale/en_US'
import zhCN from 'antd/locale/zh_CN'
import { lazy } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight, useWho } from './api/me.ts'
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
const ServerPage = lazy(() => import('./pages/server.tsx').then((module) => ({ default: module.ServerPage })))
const CredentialsPage = lazy(() =>
  import('./pages/credentials.tsx').then((module) => ({ default: module.CredentialsPage })),
)
const AccessPage = lazy(() => import('./pages/access.tsx').then((module) => ({ default: module.AccessPage })))
const ConnectionsPage = lazy(() =>
  import('./pages/connections.tsx').then((module) => ({ default: module.ConnectionsPage })),
)
const HostsPage = lazy(() => import('./pages/hosts.tsx').then((module) => ({ default: module.HostsPage })))
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
  const admin = useRight('user_list')
  const credentials = useRight('credential_list')
  const grants = useRight('grant_list')
  const connections = useRight('connection_list')
  const authorities = useRight('host_authority_list')
  switch (place.page) {
    case 'home':
      return <HomePage />
    case 'recordings':
      return <RecordingsPage />
    case 'recording':
      return <ReplayPage key={place.id} id={place.id} at={place.at} />
    case 'servers':
      return <ServersPage />
    case 'server':
      return <ServerPage key={place.id} id={Number(place.id)} />
    case 'credentials':
      return credentials ? <CredentialsPage /> : <Missing />
    case 'access':
      return grants ? <AccessPage /> : <Missing />
    case 'connections':
      return connections ? <ConnectionsPage /> : <Missing />
    case 'hosts':
      return authorities ? <HostsPage /> : <Missing />
    case 'share':
      return <SharePage token={place.token} />
    case 'settings':
      return <SettingsPage />
    case 'users':
      return admin ? <UsersPage /> : <Missing />
    default:
      return <Missing />
  }
}
