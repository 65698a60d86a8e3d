import type { ReactNode } from 'react'

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  )
}

export const TerminalIcon = () => (
  <Icon>
    <rect x="2.5" y="3.5" width="15" height="13" rx="2" />
    <path d="m6 8 2.5 2L6 12m5 .5h3" />
  </Icon>
)

export const LanguageIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7.5" />
    <path d="M2.5 10h15M10 2.5c2.2 2 3.2 4.6 3.2 7.5s-1 5.5-3.2 7.5C7.800 15.500 6.800 12.900 6.800 10S7.800 4.500 10 2.500" />
  </Icon>
)

export const LogoutIcon = () => (
  <Icon>
    <path d="M8 3.500H4.500a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1H8M12.500 6.500 16 10l-3.500 3.500M16 10H8" />
  </Icon>
)

export const BackIcon = () => (
  <Icon>
    <path d="M12 4.500 6.500 10l5.500 5.500" />
  </Icon>
)
